//! What both kinds that show alarms say of the same ones.

use panels::text::TextEngine;
use panels::{Link, Paint, paint_panel, panel as kind_of, place, svg};
use protocol::alarm::{AlarmSeverity, AlarmState};
use protocol::change::Change;
use protocol::observation::Name;
use protocol::{Alarm, Canvas, ObservationStatus, Timestamp, ViewState};
use serde_json::json;

use crate::centre::{CANVAS, NOW, catalogue, paint_all, panel};
use crate::figures::{state_of, texts};
use crate::golden::compare;
use crate::raster::save_picture;

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

const MINUTE: i64 = 60_000_000;

fn alarm(id: &str, severity: AlarmSeverity, text: &str, raised_minutes: i64, state: AlarmState) -> Alarm {
    Alarm {
        id: id.into(),
        severity,
        rule: id.split_once(':').map(|(rule, _)| rule.into()),
        text: Name { vi: text.to_owned(), en: None },
        series: None,
        area: Some("524".into()),
        agency: Some("stnmt".into()),
        raised_at: NOW.plus_micros(-raised_minutes * MINUTE),
        state,
        chatter: 0,
        source: "alarms".into(),
        received_at: NOW,
        status: ObservationStatus::Automatic,
    }
}

/// Eight water levels within ten minutes, and as many others of other causes as asked for.
fn busy(others: i64) -> ViewState {
    let full_hd = Canvas { width_px: 1920, height_px: 1080 };
    let panels = vec![
        panel("alarms", "alarms", [0, 0, 16, 9], json!({})),
        panel("narrow", "alarms", [16, 0, 8, 9], json!({})),
        panel("low", "alarms", [0, 9, 16, 4], json!({})),
        panel("ticker", "ticker", [0, 17, 32, 1], json!({ "area": "51" })),
    ];
    let mut view = state_of(panels, catalogue(), full_hd, Vec::new());
    let (warning, critical) = (AlarmSeverity::Warning, AlarmSeverity::Critical);
    let seen = AlarmState::Acknowledged { at: NOW, by: "Trực ban thủy văn".to_owned(), comment: None };
    let until = NOW.plus_micros(95 * MINUTE);
    let aside = AlarmState::Shelved { at: NOW, by: "Trực ban".to_owned(), until, comment: None };
    let levels = (0..8).map(|index| {
        let text = format!("Mực nước trạm số {index} vượt báo động I");
        alarm(&format!("muc-nuoc:{index}"), warning, &text, 9 - index, AlarmState::Raised)
    });
    let causes = (0..others).map(|index| {
        alarm(&format!("khac-{index}:x"), warning, &format!("Sự cố khác số {index}"), 5, AlarmState::Raised)
    });
    let mut told = vec![
        alarm("ho-chua:1", critical, "Hồ Nước Trong vượt mực nước dâng bình thường", 40, seen.clone()),
        alarm("ho-chua:2", critical, "Hồ Núi Ngang vượt mực nước dâng bình thường", 3, AlarmState::Raised),
        alarm("nguon:1", warning, "Mất kết nối nguồn Trạm quan trắc", 30 * 60, seen),
        alarm("camera:1", warning, "Camera ngã ba Dốc Sỏi không có hình", 300, aside),
        Alarm {
            chatter: 12, ..alarm("bom:1", warning, "Trạm bơm Sông Vệ mất điện", 20, AlarmState::Raised)
        },
    ];
    told.extend(levels.chain(causes));
    told.into_iter().for_each(|alarm| view.apply(2, &Change::Alarm(alarm.into())));
    view
}

fn place_of(said: &[String], words: &str) -> usize {
    let place = said.iter().position(|said| said.contains(words));
    assert!(place.is_some(), "{words}: {said:?}");
    place.unwrap()
}

#[test]
fn a_flood_is_told_by_causes_and_hides_no_critical_one() {
    for id in ["alarms", "narrow", "low"] {
        let said = texts(&busy(2), id, Link::Live, "vi");
        let order = ["Núi Ngang", "Nước Trong"].map(|words| place_of(&said, words));
        assert!(order.is_sorted(), "{id}: {said:?}");
        assert!(said.concat().contains("11 cảnh báo trong 10 phút"), "{id}: {said:?}");
    }
    let said = texts(&busy(2), "alarms", Link::Live, "vi");
    assert!(place_of(&said, "Nước Trong") < place_of(&said, "trạm số 7"), "seen or not: {said:?}");
    assert!(said.iter().any(|said| said == "và 7 cảnh báo cùng nguyên nhân"), "{said:?}");
    assert!(!said.concat().contains("trạm số 3"), "{said:?}");
    let strip = texts(&busy(2), "ticker", Link::Live, "vi").concat();
    assert!(strip.contains("Sự cố khác số 1") && !strip.contains("trạm số 3"), "{strip}");
    // One fewer is no flood.
    let calm = texts(&busy(1), "alarms", Link::Live, "vi").concat();
    assert!(calm.contains("chưa tiếp nhận") && !calm.contains("trong 10 phút") && calm.contains("trạm số 3"), "{calm}");
}

#[test]
fn what_chatters_stands_or_is_put_aside_is_marked_as_such() {
    for (language, words) in [
        ("vi", ["chập chờn 12 lần", "kéo dài trên 24 giờ", "1 cảnh báo tạm gác", "10:17"]),
        ("en", ["came and went 12 times", "standing for over 24 hours", "1 shelved", "10:17"]),
    ] {
        let said = texts(&busy(2), "alarms", Link::Live, language).concat();
        for words in words {
            assert!(said.contains(words), "'{words}' is not in {said}");
        }
    }
}

#[test]
fn the_end_of_a_flood_and_the_first_moment_of_standing_change_the_picture() {
    let view = busy(2);
    // The eleventh newest was raised nine minutes ago.
    let mut now = NOW;
    while next_of(&view, now) < NOW.plus_micros(MINUTE) {
        // A page may be turned.
        now = next_of(&view, now);
    }
    assert_eq!(next_of(&view, now), NOW.plus_micros(MINUTE));
    assert_eq!(next_of(&busy(0), NOW), NOW.plus_micros(95 * MINUTE), "the one that is put aside comes back");
}

fn next_of(view: &ViewState, now: Timestamp) -> Timestamp {
    let spec = &view.arranged().unwrap().layout.panels[0];
    kind_of("alarms").unwrap().next_change(spec, view, now).unwrap()
}

#[test]
fn a_flood_is_painted_as_it_was() {
    let view = busy(2);
    let canvas = view.arranged().unwrap().canvas;
    let picture = svg::document(canvas, &paint_all(&view, Link::Live, "vi", &mut TextEngine::new()));
    save_picture("alarms", &picture);
    save_picture("alarms-calm", &svg::document(canvas, &paint_all(&busy(1), Link::Live, "en", &mut TextEngine::new())));
    compare("alarms", &picture).unwrap();
}

#[test]
fn critical_ones_that_have_no_room_together_take_turns() {
    let mut view = busy(2);
    for index in 3..12 {
        let text = format!("Hồ số {index} vượt mực nước dâng bình thường");
        let alarm = alarm(&format!("ho-chua:{index}"), AlarmSeverity::Critical, &text, 4, AlarmState::Raised);
        view.apply(3, &Change::Alarm(alarm.into()));
    }
    let shown = |seconds: i64| {
        let arranged = view.arranged().unwrap();
        let (spec, rect) =
            place::tiles(&arranged.layout, arranged.canvas).find(|(spec, _)| spec.id.as_str() == "low").unwrap();
        let (view, scale, text) = (&view, place::scale(arranged.canvas), &mut TextEngine::new());
        let now = NOW.plus_micros(seconds * 1_000_000);
        let scene = paint_panel(Paint { spec, view, now, link: Link::Live, language: "vi", rect, scale, text });
        scene.texts().map(|run| run.content.as_str().to_owned()).collect::<String>()
    };
    let all: String = (0..20).map(|turn| shown(turn * 12)).collect();
    for index in 3..12 {
        assert!(all.contains(&format!("Hồ số {index} ")), "{index} is never shown: {all}");
    }
}
