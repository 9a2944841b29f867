//! What calls for someone at once: raised, acknowledged, shelved, cleared.

pub mod load;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::Name;
use crate::{AgencyId, AlarmId, AreaId, ObservationStatus, RuleId, SeriesKey, SourceId, Timestamp};

/// An alarm from the moment it was raised until it is cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    pub id: AlarmId,
    pub severity: AlarmSeverity,
    /// What raised it: alarms of one rule have one cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
    /// What is wrong.
    pub text: Name,
    /// The figures that it was raised over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<AreaId>,
    /// Who has to act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<AgencyId>,
    pub raised_at: Timestamp,
    pub state: AlarmState,
    /// How often it has come and gone since it began to chatter, which is why it is held; 0 when it does not chatter.
    #[serde(default, skip_serializing_if = "is_none")]
    pub chatter: u32,
    pub source: SourceId,
    pub received_at: Timestamp,
    #[serde(default)]
    pub status: ObservationStatus,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlarmSeverity {
    Warning,
    Critical,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AlarmState {
    /// Nobody has said yet that they see to it.
    Raised,
    /// Someone sees to it.
    Acknowledged {
        at: Timestamp,
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// Put aside until a moment, for a reason.
    Shelved {
        at: Timestamp,
        by: String,
        until: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// It is over.
    Cleared { at: Timestamp },
}

impl AlarmState {
    /// Since when it is so; of one that is only raised no moment is told.
    fn since(&self) -> Timestamp {
        match self {
            Self::Raised => Timestamp(i64::MIN),
            Self::Acknowledged { at, .. } | Self::Shelved { at, .. } | Self::Cleared { at } => *at,
        }
    }
}

impl Alarm {
    /// Whether it is not over.
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.state, AlarmState::Cleared { .. })
    }

    /// Until when it is put aside at `now`. One whose time is over counts as raised again.
    #[must_use]
    pub fn aside_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            AlarmState::Shelved { until, .. } => Some(until).filter(|until| *until > now),
            _ => None,
        }
    }

    /// Whether nobody has said that they see to it, and nobody has put it aside at `now`.
    #[must_use]
    pub fn is_unseen(&self, now: Timestamp) -> bool {
        match self.state {
            AlarmState::Raised => true,
            AlarmState::Shelved { until, .. } => until <= now,
            AlarmState::Acknowledged { .. } | AlarmState::Cleared { .. } => false,
        }
    }

    /// What is known of it once its source has reported it again, where it was `known` like this: that it still stands
    /// undoes nothing that people have done about it meanwhile; that it is over ends that.
    #[must_use]
    pub fn reported_over(&self, known: &Self) -> Self {
        let mut alarm = self.clone();
        if self.is_active() && known.is_active() && known.state.since() > self.state.since() {
            alarm.state.clone_from(&known.state);
        }
        alarm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(state: AlarmState) -> Alarm {
        Alarm {
            id: "a".into(),
            severity: AlarmSeverity::Warning,
            rule: None,
            text: Name::default(),
            series: None,
            area: None,
            agency: None,
            raised_at: Timestamp(1),
            state,
            chatter: 0,
            source: "s".into(),
            received_at: Timestamp(0),
            status: ObservationStatus::Automatic,
        }
    }

    fn acknowledged(at: i64) -> AlarmState {
        AlarmState::Acknowledged { at: Timestamp(at), by: "trực ban".to_owned(), comment: None }
    }

    fn shelved(at: i64, until: i64) -> AlarmState {
        let (at, until) = (Timestamp(at), Timestamp(until));
        AlarmState::Shelved { at, by: "trực ban".to_owned(), until, comment: None }
    }

    #[test]
    fn what_people_did_stays_until_it_is_over() {
        let cleared = |at| AlarmState::Cleared { at: Timestamp(at) };
        let cases = [
            (acknowledged(5), AlarmState::Raised, acknowledged(5)),
            (shelved(5, 9), AlarmState::Raised, shelved(5, 9)),
            (shelved(5, 9), acknowledged(3), shelved(5, 9)),
            (shelved(5, 9), acknowledged(7), acknowledged(7)),
            (acknowledged(5), cleared(7), cleared(7)),
            (cleared(5), AlarmState::Raised, AlarmState::Raised),
            (AlarmState::Raised, acknowledged(5), acknowledged(5)),
        ];
        for (known, reported, expected) in cases {
            let told = format!("{known:?} then {reported:?}");
            assert_eq!(alarm(reported).reported_over(&alarm(known)).state, expected, "{told}");
        }
    }

    #[test]
    fn one_that_was_put_aside_is_back_when_its_time_is_over() {
        let alarm = alarm(shelved(1, 10));
        for (now, aside, unseen) in [(9, true, false), (10, false, true), (11, false, true)] {
            let now = Timestamp(now);
            assert_eq!((alarm.aside_until(now).is_some(), alarm.is_unseen(now)), (aside, unseen), "{now:?}");
        }
    }
}
