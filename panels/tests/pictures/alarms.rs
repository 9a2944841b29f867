//! What both kinds that show alarms say of the same ones.

use panels::{Link, panel as kind_of};
use protocol::alarm::AlarmState;
use protocol::change::Change;
use protocol::{Alarm, Timestamp, ViewState};
use serde_json::json;

use crate::centre::{CANVAS, NOW, catalogue, panel};
use crate::figures::{state_of, texts};

const KINDS: [&str; 2] = ["alarms", "ticker"];

/// A state with the one alarm of the invented centre that is put aside, until then.
fn shelved(until: Timestamp) -> (ViewState, String) {
    let panels = [(json!({}), 0), (json!({ "area": "51" }), 9)];
    let panels =
        KINDS.into_iter().zip(panels).map(|(kind, (options, row))| panel(kind, kind, [0, row, 32, 9], options));
    let mut view = state_of(panels.collect(), catalogue(), CANVAS, Vec::new());
    let alarms = crate::records::all().into_iter().filter_map(|change| match change {
        Change::Alarm(alarm) => Some(alarm),
        _ => None,
    });
    let alarm = alarms.into_iter().find(|alarm| matches!(alarm.state, AlarmState::Shelved { .. })).unwrap();
    let state = AlarmState::Shelved { at: NOW.plus_micros(-1), by: "Trực ban".into(), until, comment: None };
    view.apply(2, &Change::Alarm(Alarm { state, ..(*alarm).clone() }.into()));
    (view, alarm.text.vi.clone())
}

#[test]
fn an_alarm_put_aside_is_back_everywhere_when_its_time_is_over() {
    for (until, is_back) in [(NOW.plus_micros(1), false), (NOW, true), (NOW.plus_micros(-1), true)] {
        let (view, words) = shelved(until);
        for kind in KINDS {
            let said = texts(&view, kind, Link::Live, "vi");
            assert_eq!(said.iter().any(|said| said.trim() == words), is_back, "{kind}: {said:?}");
        }
    }
}

#[test]
fn its_return_changes_the_picture() {
    let until = NOW.plus_micros(1_000_000);
    let (view, _) = shelved(until);
    for (spec, kind) in view.arranged().unwrap().layout.panels.iter().zip(KINDS) {
        assert_eq!(kind_of(kind).unwrap().next_change(spec, &view, NOW), Some(until), "{kind}");
    }
}
