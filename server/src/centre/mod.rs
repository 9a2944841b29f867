//! The functional core: what is configured, arranged and shown, folded from the log.
//!
//! `decide` turns a command into events or refuses it; `apply` takes an event in and cannot fail.
//! Neither does I/O nor reads a clock.

pub mod admit;
mod admit_records;
mod alarms;
pub mod arrange;
mod documents;
mod layers;
mod layouts;
mod people;
pub mod plausible;
mod records;

use std::collections::BTreeMap;
use std::sync::Arc;

use panels::LayoutFinding;
use protocol::event::CatalogueRevised;
use protocol::map::ReportedLayer;
use protocol::{Catalogue, Command, Event, LayerId, Layout, LayoutId, PanelId, Records, Timestamp, Wall, WallId};

pub use documents::{Documents, MOST_DOCUMENTS, Standing, admit_document};
pub use layers::{MOST_FEATURES, REPORTING_KIND, admit_feature, admit_layer};
pub use people::{People, Standing as AccountStanding, is_account_name};

/// A wall and what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownWall {
    pub wall: Wall,
    pub layout: LayoutId,
    /// The panel that fills it.
    pub spotlight: Option<PanelId>,
    /// The offset at which this was decided.
    pub at: u64,
}

/// A layout with the offset of its last change.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptLayout {
    pub layout: Arc<Layout>,
    pub at: u64,
}

/// The centre as of an offset of its log. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Centre {
    pub catalogue: Arc<Catalogue>,
    pub layouts: BTreeMap<LayoutId, KeptLayout>,
    pub walls: BTreeMap<WallId, ShownWall>,
    /// The offset of the last revision of the catalogue; 0 before the first.
    pub catalogue_at: u64,
    /// Tasks, alarms, sessions, and how sources do as far as that is no matter of observations.
    pub records: Arc<Records>,
    /// The documents that came in last.
    pub documents: Arc<Documents>,
    /// What sources told last of layers.
    pub layers: BTreeMap<LayerId, ReportedLayer>,
    /// Who may come in.
    pub people: Arc<People>,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("there is no {what}; known: {known}")]
    NotFound { what: String, known: String },
    #[error("layout '{layout}' has moved on to version {current_version}; read it again and redo the change")]
    Conflict { layout: LayoutId, current_version: u64 },
    #[error("the layout has {} finding(s): {}", findings.len(), first_of(findings))]
    Invalid { findings: Vec<LayoutFinding> },
    #[error("layout '{layout}' comes with the configuration and cannot be changed; save it under another id")]
    ReadOnly { layout: LayoutId },
    /// What was asked is not of a form that is taken.
    #[error("{reason}")]
    Unfit { reason: String },
    /// It can no longer be done, or was done.
    #[error("{reason}")]
    Passed { reason: String },
}

fn first_of(findings: &[LayoutFinding]) -> &str {
    findings.first().map_or("", |finding| &finding.message)
}

impl Centre {
    /// What follows from a command at `now`.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::SaveLayout { layout, expected_version } => self.decide_save(layout, *expected_version, now),
            Command::ShowLayout { wall, layout } => self.decide_show(wall, layout, now),
            Command::Spotlight { wall, panel } => self.decide_spotlight(wall, panel.as_ref(), now),
            Command::AcknowledgeAlarm { alarm, by, comment } => {
                self.decide_acknowledge(alarm, (by, comment.as_deref()), now)
            }
            Command::ShelveAlarm { alarm, by, until, comment } => {
                self.decide_shelve(alarm, *until, (by, comment.as_deref()), now)
            }
            Command::UnshelveAlarm { alarm, by, comment } => self.decide_unshelve(alarm, (by, comment.as_deref()), now),
            Command::SaveAccount { account, is_new } => self.decide_account(account, *is_new, now),
            Command::Invite { invitation } => self.decide_invite(invitation, now),
            Command::SetPassword { account, password, invitation } => {
                self.decide_password(account, password, invitation, now)
            }
            Command::BeginSignIn { sign_in, password } => self.decide_sign_in(sign_in, password, now),
            Command::EndSignIn { secret } => self.decide_sign_out(secret, now),
            Command::MakeToken { token } => self.decide_token(token, now),
            Command::RevokeToken { token } => self.decide_revoke(token, now),
        }
    }

    /// Takes in what happened at `offset`.
    pub fn apply(&mut self, offset: u64, event: &Event) {
        match event {
            Event::ObservationsRecorded(_) | Event::Acted(_) => {}
            Event::AccountSaved(_)
            | Event::InvitationMade(_)
            | Event::PasswordSet(_)
            | Event::SignedIn(_)
            | Event::SignedOut(_)
            | Event::TokenMade(_)
            | Event::TokenRevoked(_) => Arc::make_mut(&mut self.people).apply(event),
            Event::RecordsReported(_)
            | Event::SourceStateChanged(_)
            | Event::AlarmAcknowledged(_)
            | Event::AlarmShelved(_)
            | Event::AlarmUnshelved(_) => self.record(offset, event),
            Event::LayerReported(report) => {
                self.take_report(offset, report);
                self.record(offset, event);
            }
            Event::DocumentReceived(received) => {
                Arc::make_mut(&mut self.documents).take(&received.document);
                self.record(offset, event);
            }
            Event::CatalogueRevised(revised) => self.revise(offset, revised),
            Event::LayoutSaved(saved) => {
                let kept = KeptLayout { layout: Arc::new(saved.layout.clone()), at: offset };
                self.layouts.insert(saved.layout.id.clone(), kept);
            }
            Event::LayoutShown(shown) => {
                if let Some(wall) = self.walls.get_mut(&shown.wall) {
                    (wall.layout, wall.spotlight) = (shown.layout.clone(), None);
                    wall.at = offset;
                }
            }
            Event::SpotlightTurned(turned) => {
                if let Some(wall) = self.walls.get_mut(&turned.wall) {
                    wall.spotlight = turned.panel.clone();
                    wall.at = offset;
                }
            }
        }
    }

    /// Configured layouts replace those of the revision before; saved ones stay.
    fn revise(&mut self, offset: u64, revised: &CatalogueRevised) {
        self.layouts.retain(|_, kept| !kept.layout.read_only);
        for (id, layout) in &revised.layouts {
            self.layouts.insert(id.clone(), KeptLayout { layout: Arc::new(layout.clone()), at: offset });
        }
        let shown_before = std::mem::take(&mut self.walls);
        for (id, wall) in &revised.walls {
            let shown = shown_before.get(id).map(|before| &before.layout);
            let shown = shown.filter(|layout| self.layouts.contains_key(*layout));
            // Of a layout that is there no longer no panel can fill the wall either.
            let spotlight = shown.and(shown_before.get(id)).and_then(|before| before.spotlight.clone());
            let layout = shown.unwrap_or(&wall.layout).clone();
            self.walls.insert(id.clone(), ShownWall { wall: wall.clone(), layout, spotlight, at: offset });
        }
        self.catalogue = Arc::new(revised.catalogue.clone());
        self.catalogue_at = offset;
    }

    /// The layouts that someone has saved under the name of a configured one, which would replace them.
    #[must_use]
    pub fn layouts_in_the_way(&self, revised: &CatalogueRevised) -> Vec<Arc<Layout>> {
        let saved = self.layouts.values().map(|kept| &kept.layout).filter(|layout| !layout.read_only);
        saved.filter(|layout| revised.layouts.contains_key(&layout.id)).cloned().collect()
    }

    /// Whether the configuration differs from what the log has.
    #[must_use]
    pub fn differs_from(&self, revised: &CatalogueRevised) -> bool {
        let configured = self.layouts.values().filter(|kept| kept.layout.read_only);
        self.catalogue_at == 0
            || *self.catalogue != revised.catalogue
            || !self.walls.values().map(|shown| &shown.wall).eq(revised.walls.values())
            || !configured.map(|kept| &*kept.layout).eq(revised.layouts.values())
    }
}
