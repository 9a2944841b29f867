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
    /// Lets a password be tried now, and counts it as a wrong one until it is [`forgive`](Self::forgive)n: who tries many
    /// at once gains nothing.
    ///
    /// # Errors
    /// How many seconds there are to wait.
    pub fn admit(&self, account: &AccountId, from: Option<IpAddr>, now: Timestamp) -> Result<(), i64> {
        let mut wrong = self.wrong.lock();
        let waits = trails(account, from).into_iter().filter_map(|(trail, most)| {
            let known = wrong.get(&trail).filter(|known| known.count >= most)?;
            let left = known.since.plus_micros(WINDOW_MICROS).since(now);
            (left > 0).then(|| left.div_euclid(1_000_000) + 1)
        });
        if let Some(wait) = waits.max() {
            return Err(wait);
        }
        make_room(&mut wrong, now);
        for (trail, _) in trails(account, from) {
            let known = wrong.entry(trail).or_insert(Wrong { count: 0, since: now });
            if now.since(known.since) >= WINDOW_MICROS {
                *known = Wrong { count: 0, since: now };
            }
            known.count += 1;
        }
        Ok(())
    }

    /// It was the right one, or could not be looked at.
    pub fn forgive(&self, account: &AccountId, from: Option<IpAddr>, was_right: bool) {
        let mut wrong = self.wrong.lock();
        for (trail, _) in trails(account, from) {
            // Whoever mistyped it before starts anew.
            if was_right && matches!(trail, Trail::Both(..)) {
                wrong.remove(&trail);
            } else if let Some(known) = wrong.get_mut(&trail) {
                known.count = known.count.saturating_sub(1);
            }
        }
    }
}

/// Forgets what is over, and of too many the older half.
fn make_room(wrong: &mut HashMap<Trail, Wrong>, now: Timestamp) {
    if wrong.len() < MOST_REMEMBERED {
        return;
    }
    wrong.retain(|_, known| now.since(known.since) < WINDOW_MICROS);
    if wrong.len() >= MOST_REMEMBERED {
        let mut begun: Vec<Timestamp> = wrong.values().map(|known| known.since).collect();
        let (_, median, _) = begun.select_nth_unstable(MOST_REMEMBERED / 2);
        let median = *median;
        wrong.retain(|_, known| known.since > median);
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
        // All at once, before any of them is known to be wrong.
        for second in 0..5 {
            assert_eq!(keeper.admit(&an, here, at(second)), Ok(()));
        }
        assert_eq!(keeper.admit(&an, here, at(10)), Err(891), "until 15 min after the first");
        assert_eq!(keeper.admit(&an, there, at(10)), Ok(()), "its holder, elsewhere");
        assert_eq!(keeper.admit(&"binh".into(), here, at(10)), Ok(()), "somebody else at the same desk");
        assert_eq!(keeper.admit(&an, here, at(900)), Ok(()), "counted anew");
        (0..3).for_each(|_| keeper.admit(&an, here, at(901)).unwrap());
        keeper.forgive(&an, here, true);
        (0..5).for_each(|_| keeper.admit(&an, here, at(903)).unwrap());
        assert!(keeper.admit(&an, here, at(904)).is_err());
        keeper.forgive(&an, here, false);
        assert_eq!(keeper.admit(&an, here, at(905)), Ok(()));
    }

    #[test]
    fn neither_many_addresses_nor_many_accounts_help() {
        let keeper = Doorkeeper::default();
        let an = AccountId::from("an");
        for number in 0..50_u8 {
            keeper.admit(&an, Some([10, 0, 1, number].into()), at(0)).unwrap();
            keeper.admit(&AccountId::from(format!("a{number}")), Some([10, 0, 2, 1].into()), at(0)).unwrap();
        }
        assert!(keeper.admit(&an, Some([10, 0, 3, 1].into()), at(1)).is_err());
        assert!(keeper.admit(&"binh".into(), Some([10, 0, 2, 1].into()), at(1)).is_err());
        assert_eq!(keeper.admit(&"binh".into(), Some([10, 0, 3, 1].into()), at(1)), Ok(()));
        for number in 0..MOST_REMEMBERED as u32 {
            let from = std::net::Ipv4Addr::from(0x0A10_0000 + number);
            keeper
                .admit(&AccountId::from(format!("b{number}")), Some(from.into()), at(2 + i64::from(number) / 100))
                .unwrap();
            assert!(keeper.wrong.lock().len() < MOST_REMEMBERED + 3);
        }
    }
}
