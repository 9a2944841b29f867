//! Names of things. Each is its own type, so that an area is never taken for an agency.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name!(
    /// What is measured: `budget.revenue`.
    IndicatorId
);
name!(
    /// Where: `51` is the province, `522` one of its districts.
    AreaId
);
name!(
    /// Who owns or acts: `so-tai-chinh`.
    AgencyId
);
name!(
    /// Which configured source delivered it.
    SourceId
);
name!(
    /// An arrangement of panels.
    LayoutId
);
name!(
    /// One panel within its layout.
    PanelId
);
name!(
    /// Something that an agency was told to do.
    TaskId
);
name!(
    /// Something that calls for someone at once.
    AlarmId
);
name!(
    /// What raises alarms of one cause.
    RuleId
);
name!(
    /// Something written that was sent.
    DocumentId
);
name!(
    /// A session of the leadership.
    SessionId
);
name!(
    /// A video wall.
    WallId
);
name!(
    /// A map of areas.
    MapId
);
name!(
    /// A picture that is not painted from figures.
    ImageId
);
name!(
    /// Features that are drawn on maps together.
    LayerId
);
name!(
    /// What somebody signs in with.
    AccountId
);
name!(
    /// What a program shows to be let in.
    TokenId
);
