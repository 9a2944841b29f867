//! Accounts, invitations, tokens; and who did what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::person::{AccessToken, Account, Asking, Invitation, SecretHash, SignIn};
use crate::{AccountId, Timestamp, TokenId};

/// An account was made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountSaved {
    pub at: Timestamp,
    pub account: Account,
}

/// Somebody was invited to give an account a password; an earlier invitation to it is void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationMade {
    pub at: Timestamp,
    pub invitation: Invitation,
}

/// An account got a password: the invitation is used up, and who was signed in is so no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordSet {
    pub at: Timestamp,
    pub account: AccountId,
    /// Its Argon2id hash, as a PHC string.
    pub password: String,
}

/// Somebody signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedIn {
    pub at: Timestamp,
    pub sign_in: SignIn,
}

/// Somebody signed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedOut {
    pub at: Timestamp,
    pub secret: SecretHash,
}

/// A token was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenMade {
    pub at: Timestamp,
    pub token: AccessToken,
}

/// A token is good no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenRevoked {
    pub at: Timestamp,
    pub token: TokenId,
}

/// Somebody had a command carried out; what followed from it comes right behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acted {
    pub at: Timestamp,
    #[serde(flatten)]
    pub asking: Asking,
    /// The name of the command: `show_layout`.
    pub command: String,
    /// What it was about: the id of a wall, a layout, an account.
    pub object: String,
}
