//! Who tries one password after the other has to wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use protocol::{AccountId, Timestamp};

/// Wrong passwords of one account from one address, of one account from anywhere, from one address for any account:
/// so many are let pass within the time.
const MOST_OF_BOTH: u32 = 5;
const MOST_OF_ACCOUNT: u32 = 50;
const MOST_OF_ADDRESS: u32 = 50;
const WINDOW_MICROS: i64 = 15 * 60 * 1_000_000;
/// Most that are remembered: of more the oldest are forgotten.
const MOST_REMEMBERED: usize = 20_000;

/// Remembers wrong passwords for a while. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Doorkeeper {
    wrong: Arc<Mutex<HashMap<Trail, Wrong>>>,
}

/// What wrong passwords have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Trail {
    Both(AccountId, IpAddr),
    Account(AccountId),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    count: u32,
    since: Timestamp,
}

impl Doorkeeper {
    /// Whether a password may be tried now.
    ///
    /// # Errors
    /// How many seconds there are to wait.
    pub fn admit(&self, account: &AccountId, from: Option<IpAddr>, now: Timestamp) -> Result<(), i64> {
        let wrong = self.wrong.lock();
        let waits = trails(account, from).into_iter().filter_map(|(trail, most)| {
            let known = wrong.get(&trail).filter(|known| known.count >= most)?;
            let left = known.since.plus_micros(WINDOW_MICROS).since(now);
            (left > 0).then(|| left.div_euclid(1_000_000) + 1)
        });
        waits.max().map_or(Ok(()), Err)
    }

    /// A wrong password was tried.
    pub fn note_wrong(&self, account: &AccountId, from: Option<IpAddr>, now: Timestamp) {
        let mut wrong = self.wrong.lock();
        if wrong.len() >= MOST_REMEMBERED {
            wrong.retain(|_, known| now.since(known.since) < WINDOW_MICROS);
        }
        if wrong.len() >= MOST_REMEMBERED {
            let oldest = wrong.iter().min_by_key(|(_, known)| known.since).map(|(trail, _)| trail.clone());
            oldest.map(|trail| wrong.remove(&trail));
        }
        for (trail, _) in trails(account, from) {
            let known = wrong.entry(trail).or_insert(Wrong { count: 0, since: now });
            if now.since(known.since) >= WINDOW_MICROS {
                *known = Wrong { count: 0, since: now };
            }
            known.count += 1;
        }
    }

    /// The right one was given: whoever mistyped it before starts anew.
    pub fn note_right(&self, account: &AccountId, from: Option<IpAddr>) {
        if let Some(from) = from {
            self.wrong.lock().remove(&Trail::Both(account.clone(), from));
        }
    }
}

fn trails(account: &AccountId, from: Option<IpAddr>) -> Vec<(Trail, u32)> {
    let mut trails = vec![(Trail::Account(account.clone()), MOST_OF_ACCOUNT)];
    if let Some(from) = from {
        trails.push((Trail::Both(account.clone(), from), MOST_OF_BOTH));
        trails.push((Trail::Address(from), MOST_OF_ADDRESS));
    }
    trails
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn whoever_guesses_waits_and_whoever_mistyped_does_not() {
        let keeper = Doorkeeper::default();
        let (here, there) = (Some("10.0.0.1".parse().unwrap()), Some("10.0.0.2".parse().unwrap()));
        let an = AccountId::from("an");
        for second in 0..5 {
            assert_eq!(keeper.admit(&an, here, at(second)), Ok(()));
            keeper.note_wrong(&an, here, at(second));
        }
        assert_eq!(keeper.admit(&an, here, at(10)), Err(891), "until 15 min after the first");
        assert_eq!(keeper.admit(&an, there, at(10)), Ok(()), "its holder, elsewhere");
        assert_eq!(keeper.admit(&"binh".into(), here, at(10)), Ok(()), "somebody else at the same desk");
        assert_eq!(keeper.admit(&an, here, at(900)), Ok(()));
        keeper.note_wrong(&an, here, at(900));
        assert_eq!(keeper.admit(&an, here, at(901)), Ok(()), "counted anew");
        (0..3).for_each(|_| keeper.note_wrong(&an, here, at(902)));
        keeper.note_right(&an, here);
        (0..4).for_each(|_| keeper.note_wrong(&an, here, at(903)));
        assert_eq!(keeper.admit(&an, here, at(904)), Ok(()));
    }

    #[test]
    fn neither_many_addresses_nor_many_accounts_help() {
        let keeper = Doorkeeper::default();
        let an = AccountId::from("an");
        for number in 0..50_u8 {
            keeper.note_wrong(&an, Some([10, 0, 1, number].into()), at(0));
            keeper.note_wrong(&AccountId::from(format!("a{number}")), Some([10, 0, 2, 1].into()), at(0));
        }
        assert!(keeper.admit(&an, Some([10, 0, 3, 1].into()), at(1)).is_err());
        assert!(keeper.admit(&"binh".into(), Some([10, 0, 2, 1].into()), at(1)).is_err());
        assert_eq!(keeper.admit(&"binh".into(), Some([10, 0, 3, 1].into()), at(1)), Ok(()));
        for number in 0..MOST_REMEMBERED {
            keeper.note_wrong(&AccountId::from(format!("b{number}")), None, at(2));
        }
        assert!(keeper.wrong.lock().len() <= MOST_REMEMBERED + 2);
    }
}
