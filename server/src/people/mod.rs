//! What it takes to let people in, beside what the centre knows of them.

pub mod doorkeeper;
pub mod first;
pub mod passwords;
pub mod secrets;

use doorkeeper::Doorkeeper;
use passwords::Passwords;

/// Where people come in. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Door {
    pub passwords: Passwords,
    pub keeper: Doorkeeper,
}
