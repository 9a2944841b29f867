//! People who sign in, programs that hold a token, and what each of them may do. Kept in the log, and never sent to
//! clients of `/live`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, AgencyId, SourceId, Timestamp, TokenId, WallId};

/// What somebody is in the centre. It decides what they may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks at what there is.
    Viewer,
    /// Gives the figures of an agency.
    Department,
    /// Leads sessions at the wall.
    Chair,
    /// Arranges layouts, and says what walls show.
    Operator,
    /// Connects sources, and decides who may do what.
    Administrator,
}

/// What can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// See layouts, walls, figures, alarms and sources.
    Read,
    /// Make and change layouts.
    Arrange,
    /// Say what walls show.
    Present,
    /// See to alarms.
    Attend,
    /// Bring figures in.
    Deliver,
    /// Try and run sources, read the configuration anew, decide about accounts and tokens.
    Administer,
}

impl Right {
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Arrange, Self::Present, Self::Attend, Self::Deliver, Self::Administer];

    /// The name that the API gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Arrange => "arrange",
            Self::Present => "present",
            Self::Attend => "attend",
            Self::Deliver => "deliver",
            Self::Administer => "administer",
        }
    }
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Department, Self::Chair, Self::Operator, Self::Administrator];

    /// Whether who has this role may do something.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        match right {
            Right::Read => true,
            Right::Arrange => matches!(self, Self::Operator | Self::Administrator),
            Right::Present | Right::Attend => matches!(self, Self::Chair | Self::Operator | Self::Administrator),
            Right::Deliver | Right::Administer => matches!(self, Self::Administrator),
        }
    }

    /// The name that configuration and API give it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Department => "department",
            Self::Chair => "chair",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

/// Somebody who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// What they sign in with.
    pub id: AccountId,
    /// As they are shown: `Nguyễn Văn An`.
    pub name: String,
    pub role: Role,
    /// The agencies whose indicators they are to see; nothing is limited to them yet, and none are taken.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub agencies: BTreeSet<AgencyId>,
    /// Whether they may sign in. An account is never removed: what its holder did stays known as theirs.
    pub is_active: bool,
}

/// A BLAKE3 hash, as 64 hexadecimal digits, of a secret of 32 random bytes: whoever reads the log cannot use it.
pub type SecretHash = String;

/// A link by which the holder of an account gives it a password, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invitation {
    pub account: AccountId,
    pub secret: SecretHash,
    pub expires_at: Timestamp,
}

/// That somebody is signed in, in one browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignIn {
    pub secret: SecretHash,
    pub account: AccountId,
    pub expires_at: Timestamp,
}

/// What a program shows to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessToken {
    pub id: TokenId,
    /// What it is for, in the words of who made it.
    pub name: String,
    pub secret: SecretHash,
    pub holder: Holder,
    pub made_at: Timestamp,
    /// It is good for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Who holds a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Holder {
    /// A wall, which sees what it is to show.
    Wall { wall: WallId },
    /// A source, which brings its figures in.
    Source { source: SourceId },
    /// A program that may do what a person of this role may.
    Program { role: Role },
}

impl Holder {
    /// Whether it may do something.
    #[must_use]
    pub const fn has(&self, right: Right) -> bool {
        match self {
            // What it is to show, over `/live`, and nothing else.
            Self::Wall { .. } => false,
            Self::Source { .. } => matches!(right, Right::Deliver),
            Self::Program { role } => role.has(right),
        }
    }
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    Account(AccountId),
    Token(TokenId),
    /// Whoever sits at the machine of the server, or holds an invitation.
    Unnamed,
}

/// Who asks for something, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asking {
    pub by: Actor,
    /// An address of IP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_the_rights_of_its_work() {
        let rights = |role: Role| Right::ALL.into_iter().filter(|right| role.has(*right)).collect::<Vec<_>>();
        assert_eq!(rights(Role::Viewer), [Right::Read]);
        assert_eq!(rights(Role::Department), [Right::Read]);
        assert_eq!(rights(Role::Chair), [Right::Read, Right::Present, Right::Attend]);
        assert_eq!(rights(Role::Operator), [Right::Read, Right::Arrange, Right::Present, Right::Attend]);
        assert_eq!(rights(Role::Administrator), Right::ALL);
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
    }
}
