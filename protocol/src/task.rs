//! What agencies were told to do: tasks, how they stand in time, and the report that adds them up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::observation::Name;
use crate::{AgencyId, ObservationStatus, SourceId, TaskId, Timestamp};

/// A task that an agency was given.
///
/// What comes from a classified document is refused where it would come in: there is no place for it here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    pub id: TaskId,
    /// What is to be done.
    pub content: Name,
    /// The document that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<SourceDocument>,
    pub given_by: AgencyId,
    pub given_on: Day,
    /// Who answers for it.
    pub lead: AgencyId,
    /// Who works with the lead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<AgencyId>,
    /// The last day that is in time; none for a task without a deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Day>,
    /// How the deadline came to be what it is, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    #[serde(default)]
    pub urgency: Urgency,
    pub origin: TaskOrigin,
    /// `Tài chính – ngân sách`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<Name>,
    pub state: TaskState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_percent: Option<u8>,
    /// When it was done or withdrawn; a task in one of these states has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_on: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_reason: Option<Name>,
    pub source: SourceId,
    pub received_at: Timestamp,
    #[serde(default)]
    pub status: ObservationStatus,
}

/// The document that a task comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceDocument {
    /// `1234/UBND-TH`.
    pub number: String,
    pub date: Day,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Name>,
}

/// More time was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Extension {
    pub given_on: Day,
    /// The deadline that no longer holds.
    pub before: Day,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Name>,
}

/// How much a document says that it presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    #[default]
    Normal,
    /// Khẩn.
    Urgent,
    /// Thượng khẩn.
    VeryUrgent,
    /// Hỏa tốc.
    Immediate,
}

/// Who first wanted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskOrigin {
    Government,
    ProvincialParty,
    PeoplesCommittee,
    /// A session of this centre.
    Session,
}

/// Where a task is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    NotStarted,
    InProgress,
    /// The lead says that it is done.
    AwaitingConfirmation,
    Done,
    /// The lead does not take it.
    Declined,
    /// It is not done as it was meant, and goes on.
    ConfirmationDeclined,
    /// Its deadline does not run.
    Suspended,
    /// Nobody is to do it any more.
    Withdrawn,
}

/// From so many days before its deadline on a task is due soon.
pub const DUE_SOON_DAYS: u32 = 3;

/// How a task stands to its deadline on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timing {
    /// It counts nowhere.
    Withdrawn,
    NoDeadline,
    InTime,
    /// With so many days left, today not among them.
    DueSoon {
        days: u32,
    },
    Overdue {
        days: u32,
    },
    DoneInTime,
    DoneLate {
        days: u32,
    },
}

impl Task {
    /// How it stands at any moment of `today`. Until it is confirmed as done it is open, and its deadline runs.
    #[must_use]
    pub fn timing(&self, today: Day) -> Timing {
        let late = |on: Day| u32::try_from(on.since(self.deadline?)).ok().filter(|days| *days > 0);
        match (self.state, self.deadline) {
            (TaskState::Withdrawn, _) => Timing::Withdrawn,
            (TaskState::Done, _) => {
                self.closed_on.and_then(late).map_or(Timing::DoneInTime, |days| Timing::DoneLate { days })
            }
            (TaskState::Suspended, _) | (_, None) => Timing::NoDeadline,
            (_, Some(deadline)) => match (late(today), u32::try_from(deadline.since(today)).unwrap_or(0)) {
                (Some(days), _) => Timing::Overdue { days },
                (None, days @ ..=DUE_SOON_DAYS) => Timing::DueSoon { days },
                (None, _) => Timing::InTime,
            },
        }
    }

    /// The first deadline that was set.
    #[must_use]
    pub fn original_deadline(&self) -> Option<Day> {
        self.extensions.first().map(|extension| extension.before).or(self.deadline)
    }
}

/// Tasks added up as they are reported: done and open, in time and not. Those that were withdrawn are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    pub done_in_time: u32,
    pub done_late: u32,
    pub open_in_time: u32,
    pub overdue: u32,
}

impl Report {
    /// Of some tasks as they stand on `today`.
    #[must_use]
    pub fn of<'a>(tasks: impl IntoIterator<Item = &'a Task>, today: Day) -> Self {
        let mut report = Self::default();
        tasks.into_iter().for_each(|task| report.add(task.timing(today)));
        report
    }

    /// Counts one more.
    pub fn add(&mut self, timing: Timing) {
        match timing {
            Timing::Withdrawn => {}
            Timing::DoneInTime => self.done_in_time += 1,
            Timing::DoneLate { .. } => self.done_late += 1,
            Timing::NoDeadline | Timing::InTime | Timing::DueSoon { .. } => self.open_in_time += 1,
            Timing::Overdue { .. } => self.overdue += 1,
        }
    }

    #[must_use]
    pub fn done(&self) -> u32 {
        self.done_in_time + self.done_late
    }

    #[must_use]
    pub fn open(&self) -> u32 {
        self.open_in_time + self.overdue
    }

    #[must_use]
    pub fn total(&self) -> u32 {
        self.done() + self.open()
    }
}
