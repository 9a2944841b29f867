//! Everything that happens, in the past tense. Events are stored; a server stops at one it does not know.

mod alarm;
mod catalogue;
mod document;
mod layout;
mod observations;
mod person;
mod records;
mod rows;
mod source;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::map::LayerReport;

pub use alarm::{AlarmAcknowledged, AlarmShelved, AlarmUnshelved};
pub use catalogue::CatalogueRevised;
pub use document::DocumentReceived;
pub use layout::{LayoutSaved, LayoutShown, SpotlightTurned};
pub use observations::{ObservationsRecorded, RefusedRow};
pub use person::{AccountSaved, Acted, InvitationMade, PasswordSet, SignedIn, SignedOut, TokenMade, TokenRevoked};
pub use records::RecordsReported;
pub use rows::{ObservationRow, Row, Rows, RowsBuilder};
pub use source::SourceStateChanged;

/// One thing that happened. It gets its offset from the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum Event {
    /// Numbers came in.
    ObservationsRecorded(ObservationsRecorded),
    /// The configuration of the centre changed.
    CatalogueRevised(Box<CatalogueRevised>),
    /// A layout was made or changed.
    LayoutSaved(LayoutSaved),
    /// A wall was told to show a layout.
    LayoutShown(LayoutShown),
    /// A panel was told to fill a wall, or none any more.
    SpotlightTurned(SpotlightTurned),
    /// Tasks, alarms and sessions came in from a system that keeps them.
    RecordsReported(RecordsReported),
    /// A source went down or came back.
    SourceStateChanged(SourceStateChanged),
    /// Someone sees to an alarm.
    AlarmAcknowledged(AlarmAcknowledged),
    /// Someone put an alarm aside until a moment.
    AlarmShelved(AlarmShelved),
    /// Someone brought an alarm back before its time.
    AlarmUnshelved(AlarmUnshelved),
    /// A document came in.
    DocumentReceived(DocumentReceived),
    /// A source told where the features of a layer are.
    LayerReported(Arc<LayerReport>),
    /// Somebody had a command carried out.
    Acted(Acted),
    /// An account was made or changed.
    AccountSaved(AccountSaved),
    /// Somebody was invited to give an account a password.
    InvitationMade(InvitationMade),
    /// An account got a password.
    PasswordSet(PasswordSet),
    /// Somebody signed in.
    SignedIn(SignedIn),
    /// Somebody signed out.
    SignedOut(SignedOut),
    /// A token was made.
    TokenMade(TokenMade),
    /// A token is good no more.
    TokenRevoked(TokenRevoked),
}

impl Event {
    /// The name it is stored under.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ObservationsRecorded(_) => "observations_recorded",
            Self::CatalogueRevised(_) => "catalogue_revised",
            Self::LayoutSaved(_) => "layout_saved",
            Self::LayoutShown(_) => "layout_shown",
            Self::SpotlightTurned(_) => "spotlight_turned",
            Self::RecordsReported(_) => "records_reported",
            Self::SourceStateChanged(_) => "source_state_changed",
            Self::AlarmAcknowledged(_) => "alarm_acknowledged",
            Self::AlarmShelved(_) => "alarm_shelved",
            Self::AlarmUnshelved(_) => "alarm_unshelved",
            Self::DocumentReceived(_) => "document_received",
            Self::LayerReported(_) => "layer_reported",
            Self::Acted(_) => "acted",
            Self::AccountSaved(_) => "account_saved",
            Self::InvitationMade(_) => "invitation_made",
            Self::PasswordSet(_) => "password_set",
            Self::SignedIn(_) => "signed_in",
            Self::SignedOut(_) => "signed_out",
            Self::TokenMade(_) => "token_made",
            Self::TokenRevoked(_) => "token_revoked",
        }
    }
}
