//! What a person may ask.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::person::{AccessToken, Account, Invitation, SecretHash, SignIn};
use crate::{AccountId, AlarmId, Layout, LayoutId, PanelId, Timestamp, TokenId, WallId};

/// A request to change something; decided by the centre into events or refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Command {
    /// Save a layout. `expected_version` is the version it was edited from; 0 for a new one.
    SaveLayout { layout: Layout, expected_version: u64 },
    /// Show a layout on a wall.
    ShowLayout { wall: WallId, layout: LayoutId },
    /// Let a panel of the layout on a wall fill it, or none again.
    Spotlight { wall: WallId, panel: Option<PanelId> },
    /// Say that someone sees to an alarm.
    AcknowledgeAlarm { alarm: AlarmId, by: String, comment: Option<String> },
    /// Put an alarm aside until a moment.
    ShelveAlarm { alarm: AlarmId, by: String, until: Timestamp, comment: Option<String> },
    /// Bring an alarm back before that moment.
    UnshelveAlarm { alarm: AlarmId, by: String, comment: Option<String> },
    /// Make an account, if it `is_new`, or change one.
    SaveAccount { account: Account, is_new: bool },
    /// Have somebody give an account a password.
    Invite { invitation: Invitation },
    /// Give an account a password, by an invitation to it.
    SetPassword { account: AccountId, password: String, invitation: SecretHash },
    /// Let in somebody whose password was right, by the hash that it was compared with.
    BeginSignIn { sign_in: SignIn, password: String },
    /// End it.
    EndSignIn { secret: SecretHash },
    /// Let a program in.
    MakeToken { token: AccessToken },
    /// Let it in no more.
    RevokeToken { token: TokenId },
}

impl Command {
    /// Its name, and the id of what it is about.
    #[must_use]
    pub fn about(&self) -> (&'static str, &str) {
        match self {
            Self::SaveLayout { layout, .. } => ("save_layout", layout.id.as_str()),
            Self::ShowLayout { wall, .. } => ("show_layout", wall.as_str()),
            Self::Spotlight { wall, .. } => ("spotlight", wall.as_str()),
            Self::AcknowledgeAlarm { alarm, .. } => ("acknowledge_alarm", alarm.as_str()),
            Self::ShelveAlarm { alarm, .. } => ("shelve_alarm", alarm.as_str()),
            Self::UnshelveAlarm { alarm, .. } => ("unshelve_alarm", alarm.as_str()),
            Self::SaveAccount { account, .. } => ("save_account", account.id.as_str()),
            Self::Invite { invitation } => ("invite", invitation.account.as_str()),
            Self::SetPassword { account, .. } => ("set_password", account.as_str()),
            Self::BeginSignIn { sign_in, .. } => ("begin_sign_in", sign_in.account.as_str()),
            Self::EndSignIn { .. } => ("end_sign_in", ""),
            Self::MakeToken { token } => ("make_token", token.id.as_str()),
            Self::RevokeToken { token } => ("revoke_token", token.as_str()),
        }
    }
}
