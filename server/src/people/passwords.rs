//! Passwords: hashed with Argon2id, a few at a time, away from the threads that serve.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use protocol::AccountId;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use unicode_normalization::UnicodeNormalization;

/// Each takes 19 MiB and some 20 ms of a core.
const AT_ONCE: usize = 2;
const PATIENCE: Duration = Duration::from_secs(10);
/// So many may wait for that.
const MOST_WAITING: usize = 32;
/// The fewest and most characters.
const LEAST: usize = 10;
const MOST: usize = 200;

/// Why a password cannot be hashed or looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("{0}")]
    Unfit(String),
    #[error("too many people sign in at once; try again in a moment")]
    Busy,
    #[error("the password cannot be looked at: {0}")]
    Failed(String),
}

/// Hashes and compares. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    waiting: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        let of = |count| Arc::new(Semaphore::new(count));
        Self { waiting: of(MOST_WAITING), places: of(AT_ONCE) }
    }
}

impl Passwords {
    /// The hash of a password for an account, as a PHC string.
    ///
    /// # Errors
    /// When it is too easy, or there is no time.
    pub async fn hash(&self, account: &AccountId, password: String) -> Result<String, PasswordError> {
        check(account, &password).map_err(PasswordError::Unfit)?;
        self.away(move || hash(&password)).await?
    }

    /// Whether a password is the one of this hash. Where there is none it takes as long as where there is one: nobody
    /// learns which accounts there are.
    ///
    /// # Errors
    /// When there is no time.
    pub async fn verify(&self, hash: Option<Arc<str>>, password: String) -> Result<bool, PasswordError> {
        if password.chars().count() > MOST {
            return Ok(false);
        }
        self.away(move || {
            let known = hash.as_deref().unwrap_or(&NOBODYS);
            let known = PasswordHash::new(known).map_err(|error| PasswordError::Failed(error.to_string()))?;
            let is_right = Argon2::default().verify_password(written(&password).as_bytes(), &known).is_ok();
            Ok(is_right && hash.is_some())
        })
        .await?
    }

    async fn away<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let _waiting = self.waiting.try_acquire().map_err(|_| PasswordError::Busy)?;
        let place = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(PasswordError::Busy) };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|error| PasswordError::Failed(error.to_string()))
    }
}

/// Of a password that nobody has.
static NOBODYS: LazyLock<String> = LazyLock::new(|| hash("nobody has this one").unwrap_or_default());

fn hash(password: &str) -> Result<String, PasswordError> {
    let hash = Argon2::default().hash_password(written(password).as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| PasswordError::Failed(error.to_string()))
}

/// Keyboards write `ế` as one character or as three.
fn written(password: &str) -> String {
    password.nfc().collect()
}

fn check(account: &AccountId, password: &str) -> Result<(), String> {
    let count = password.chars().count();
    let has = |what: &str| password.to_lowercase().contains(what);
    let distinct = password.chars().collect::<std::collections::BTreeSet<_>>().len();
    match () {
        () if count < LEAST => Err(format!(
            "a password has at least {LEAST} characters, this one has {count}; a sentence is easy to remember"
        )),
        () if count > MOST => Err(format!("a password has at most {MOST} characters")),
        () if has(account.as_str()) && count < account.as_str().len() + LEAST => {
            Err("a password is not the name of the account with something added".to_owned())
        }
        () if distinct < 5 => Err("a password has at least 5 different characters".to_owned()),
        () => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_right_however_it_was_typed() {
        let passwords = Passwords::default();
        let composed = "Tiếng Việt có dấu";
        let decomposed: String = composed.nfd().collect();
        let hash: Arc<str> = passwords.hash(&"an".into(), composed.to_owned()).await.unwrap().into();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        for (hash, password, is_right) in [
            (Some(&hash), composed, true),
            (Some(&hash), &decomposed, true),
            (Some(&hash), "Tieng Viet co dau", false),
            (Some(&hash), "", false),
            (None, composed, false),
            (None, "nobody has this one", false),
        ] {
            assert_eq!(passwords.verify(hash.cloned(), password.to_owned()).await, Ok(is_right), "{password}");
        }
    }

    #[tokio::test]
    async fn an_easy_password_is_not_taken() {
        let passwords = Passwords::default();
        for (password, said) in [
            ("chín ký tự", "ok"),
            ("chín chữ", "at least 10 characters, this one has 8"),
            ("aaaaaaaaaaaa", "5 different"),
            ("an.nguyen123", "name of the account"),
        ] {
            match passwords.hash(&"an.nguyen".into(), password.to_owned()).await {
                Ok(_) => assert_eq!(said, "ok"),
                Err(error) => assert!(error.to_string().contains(said), "{password}: {error}"),
            }
        }
        let long = "câu ".repeat(60);
        assert!(passwords.hash(&"an".into(), long.clone()).await.is_err());
        assert_eq!(passwords.verify(None, long).await, Ok(false));
    }
}
