//! The first administrator, who lets in all others.

use std::sync::Arc;

use protocol::person::{Account, Actor, Asking, Invitation, Role};
use protocol::{AccountId, Command};

use super::secrets;
use crate::app::Shared;
use crate::log::recorder::RecordError;

const FIRST: &str = "admin";
const GOOD_MICROS: i64 = 86_400 * 1_000_000;

/// Makes the first account, unless there is somebody who can sign in and decide about the others; the path of the link
/// that gives it a password. At each start there is another one, and those before are void.
///
/// # Errors
/// When the log cannot be written.
pub async fn administrator(shared: &Shared) -> Result<Option<String>, RecordError> {
    let people = Arc::clone(&shared.centre.borrow().people);
    if !shared.settings.borrow().access.accounts || people.has_administrator() {
        return Ok(None);
    }
    // An account that somebody was shut out of is not brought back.
    let is_fit = |id: &AccountId| {
        people.accounts.get(id).is_none_or(|known| known.role == Role::Administrator && known.is_active)
    };
    let names = std::iter::once(FIRST.to_owned()).chain((2..).map(|number| format!("{FIRST}-{number}")));
    let Some(id) = names.map(AccountId::from).find(is_fit) else { return Ok(None) };
    let (is_new, asking) = (!people.accounts.contains_key(&id), Asking { by: Actor::Unnamed, from: None });
    let account = Account {
        id: id.clone(),
        name: FIRST.to_owned(),
        role: Role::Administrator,
        agencies: Default::default(),
        is_active: true,
    };
    if is_new {
        shared.recorder.command(asking.clone(), Command::SaveAccount { account, is_new }).await?;
    }
    let secret = secrets::fresh();
    let expires_at = shared.clock.now().plus_micros(GOOD_MICROS);
    let invitation = Invitation { account: id, secret: secrets::hash(&secret), expires_at };
    shared.recorder.command(asking, Command::Invite { invitation }).await?;
    Ok(Some(format!("/invitation/{secret}")))
}
