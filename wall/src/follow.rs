//! Where this client is in the log, and what to do with what comes: the rules of spans.

use protocol::message::Welcome;
use protocol::{Frame, StreamPosition};

/// What to do with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Apply its changes after `after`.
    Apply { after: u64 },
    /// Everything in it is here already.
    Known,
    /// Something between is missing: come back and resume.
    Gap { position: u64, since: u64 },
}

/// Why a conversation cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    #[error("the server resumed epoch {theirs}, but {ours:?} was asked for")]
    OtherEpoch { theirs: u64, ours: Option<u64> },
    #[error("a frame came before the snapshot")]
    NoSnapshot,
    #[error("a snapshot came without a welcome")]
    NoWelcome,
}

/// How far this client has everything, in one epoch.
#[derive(Debug, Default)]
pub struct Follow {
    position: Option<StreamPosition>,
    /// The epoch of the conversation that goes on.
    welcomed: Option<u64>,
}

impl Follow {
    /// What to say in a hello.
    #[must_use]
    pub fn position(&self) -> Option<StreamPosition> {
        self.position
    }

    /// Asks for a snapshot next time.
    pub fn forget(&mut self) {
        self.position = None;
    }

    /// A conversation starts.
    ///
    /// # Errors
    /// When it resumes something else than was asked for.
    pub fn welcome(&mut self, welcome: &Welcome) -> Result<(), FollowError> {
        let ours = self.position.map(|position| position.epoch);
        if welcome.resumed && ours != Some(welcome.epoch) {
            self.position = None;
            return Err(FollowError::OtherEpoch { theirs: welcome.epoch, ours });
        }
        if !welcome.resumed {
            self.position = None;
        }
        self.welcomed = Some(welcome.epoch);
        Ok(())
    }

    /// Everything up to `offset` is here.
    ///
    /// # Errors
    /// When nobody said which log it is from.
    pub fn snapshot(&mut self, offset: u64) -> Result<StreamPosition, FollowError> {
        let epoch = self.welcomed.ok_or(FollowError::NoWelcome)?;
        let position = StreamPosition { epoch, offset };
        self.position = Some(position);
        Ok(position)
    }

    /// A frame came.
    ///
    /// # Errors
    /// When there is nothing to apply it to.
    pub fn frame(&mut self, frame: &Frame) -> Result<Verdict, FollowError> {
        let position = self.position.as_mut().ok_or(FollowError::NoSnapshot)?;
        let after = position.offset;
        if after < frame.since {
            return Ok(Verdict::Gap { position: after, since: frame.since });
        }
        if frame.until <= after {
            return Ok(Verdict::Known);
        }
        position.offset = frame.until;
        Ok(Verdict::Apply { after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Timestamp;
    use protocol::message::Mode;

    fn welcome(epoch: u64, resumed: bool) -> Welcome {
        Welcome { epoch, resumed, server_time: Timestamp(0), mode: Mode::Live }
    }

    fn frame(since: u64, until: u64) -> Frame {
        Frame { since, until, present_at: Timestamp(0), changes: Vec::new() }
    }

    fn at(epoch: u64, offset: u64) -> Follow {
        let mut follow = Follow::default();
        follow.welcome(&welcome(epoch, false)).unwrap();
        follow.snapshot(offset).unwrap();
        follow
    }

    #[test]
    fn spans_join_wherever_they_were_cut() {
        let mut follow = at(1, 10);
        assert_eq!(follow.frame(&frame(10, 14)), Ok(Verdict::Apply { after: 10 }));
        assert_eq!(follow.frame(&frame(12, 14)), Ok(Verdict::Known));
        assert_eq!(follow.frame(&frame(11, 17)), Ok(Verdict::Apply { after: 14 }));
        assert_eq!(follow.frame(&frame(17, 17)), Ok(Verdict::Known), "an idle frame");
        assert_eq!(follow.frame(&frame(18, 20)), Ok(Verdict::Gap { position: 17, since: 18 }));
        assert_eq!(follow.position(), Some(StreamPosition { epoch: 1, offset: 17 }), "a gap moves nothing");
    }

    #[test]
    fn a_resumed_conversation_goes_on_where_it_was() {
        let mut follow = at(1, 10);
        follow.welcome(&welcome(1, true)).unwrap();
        assert_eq!(follow.frame(&frame(10, 11)), Ok(Verdict::Apply { after: 10 }));
    }

    #[test]
    fn a_new_epoch_starts_from_its_snapshot() {
        let mut follow = at(1, 10);
        follow.welcome(&welcome(2, false)).unwrap();
        assert_eq!(follow.frame(&frame(3, 4)), Err(FollowError::NoSnapshot));
        assert_eq!(follow.snapshot(4), Ok(StreamPosition { epoch: 2, offset: 4 }));
        assert_eq!(follow.frame(&frame(4, 5)), Ok(Verdict::Apply { after: 4 }));
    }

    #[test]
    fn resuming_what_was_not_asked_for_is_refused() {
        let mut follow = at(1, 10);
        assert_eq!(follow.welcome(&welcome(2, true)), Err(FollowError::OtherEpoch { theirs: 2, ours: Some(1) }));
        assert_eq!(follow.position(), None);
        assert_eq!(Follow::default().snapshot(3), Err(FollowError::NoWelcome));
    }
}
