//! What operators are told of the centre itself.

use panels::{Link, panel as kind_of};
use protocol::Scenario;
use protocol::change::Change;
use protocol::message::Mode;
use protocol::{ObservationStatus, SourceState, ViewState};

use crate::centre::{CANVAS, NOW, catalogue, operations, source_states, state};
use crate::figures::{figure, state_with, texts};

fn shown() -> ViewState {
    state(operations(), CANVAS, Mode::Live)
}

/// What stands beside the name of a source.
fn beside(said: &[String], name: &str) -> String {
    let at = said.iter().position(|said| said.starts_with(name)).unwrap();
    // How it comes and how it does are drawn after the name.
    said[at..(at + 7).min(said.len())].concat()
}

#[test]
fn each_source_says_how_it_does_and_the_worst_come_first() {
    let said = texts(&shown(), "sources", Link::Live, "vi");
    let place = |name: &str| said.iter().position(|said| said == name).unwrap_or_else(|| panic!("{name}: {said:?}"));
    let names = ["Trạm quan trắc tự động, 5 phút/lần", "Sở Công Thương", "Nhập liệu trực tiếp", "Kho bạc Nhà nước"];
    assert!(names.map(place).is_sorted(), "{said:?}");
    for (name, words) in [
        ("Trạm quan trắc", "mất kết nối từ 07:42"),
        ("Sở Công Thương", "không gửi gì từ 13/8"),
        ("Nhập liệu", "chưa nhận được gì"),
        ("Kho bạc", "nhận lúc 08:40"),
        ("Đài Khí tượng", "từ chối 3 dòng"),
    ] {
        let beside = beside(&said, name);
        assert!(beside.contains(words), "{name}: {beside}");
    }
    // Down and silent ones are not connected; one kind is not known here, and is called by its own name.
    for text in ["4/6", "nguồn đang kết nối", "thư mục tệp CSV", "gửi qua API", "hologram"] {
        assert!(said.iter().any(|said| said == text), "'{text}' is not in {said:?}");
    }
    assert!(!said.concat().contains("connection refused"), "that is for those who configure");
    let english = texts(&shown(), "sources", Link::Live, "en");
    assert!(english.iter().any(|said| said == "simulated · connection refused"), "{english:?}");
}

#[test]
fn an_indicator_with_one_value_keyed_in_by_hand_is_not_automatic() {
    let with = |status: ObservationStatus| {
        let mut figures =
            vec![figure("revenue", Scenario::Actual, NOW, 1.0), figure("beds", Scenario::Actual, NOW, 2.0)];
        figures[0].status = ObservationStatus::Automatic;
        figures[1].status = status;
        texts(&state_with(operations(), catalogue(), CANVAS, figures), "sources", Link::Live, "vi")
    };
    for (status, share) in [(ObservationStatus::Automatic, "2/2"), (ObservationStatus::ByHand, "1/2")] {
        let said = with(status);
        assert!(said.iter().any(|said| said == share), "{status:?}: '{share}' is not in {said:?}");
    }
}

#[test]
fn refusals_are_told_for_a_day() {
    let said_after = |hours: i64| {
        let mut view = shown();
        let refused = source_states().into_iter().find(|state| state.refused.is_some()).unwrap();
        let at = NOW.plus_micros(-hours * 3_600_000_000);
        let refused = SourceState {
            refused: refused.refused.map(|delivery| protocol::source::Delivery { at, ..delivery }),
            ..refused
        };
        view.apply(9, &Change::SourceState(refused.into()));
        texts(&view, "sources", Link::Live, "vi").concat().contains("từ chối")
    };
    assert_eq!([23, 25].map(said_after), [true, false]);
}

#[test]
fn a_picture_of_sources_changes_when_a_figure_goes_stale_or_a_refusal_is_forgotten() {
    let layout = operations();
    let spec = &layout.panels[1];
    let kind = kind_of("sources").unwrap();
    // Its pages turn meanwhile, every 12 seconds.
    let next = |view: &ViewState| {
        let changes = std::iter::successors(kind.next_change(spec, view, NOW), |at| kind.next_change(spec, view, *at));
        changes.take(10_000).find(|at| at.as_micros() % 12_000_000 != 0 || *at == panels::number::next_midnight(NOW))
    };
    // The first figures to go stale: true 437 s ago, expected every 900 s with 225 s of grace.
    assert_eq!(next(&shown()), Some(NOW.plus_micros((900 + 225 + 1 - 437) * 1_000_000)));
    let mut view = state_with(operations(), catalogue(), CANVAS, vec![]);
    assert_eq!(next(&view), Some(panels::number::next_midnight(NOW)));
    for mut state in source_states() {
        state.refused.iter_mut().for_each(|refused| refused.at = NOW.plus_micros(100 - 86_400_000_000));
        view.apply(2, &Change::SourceState(state.into()));
    }
    assert_eq!(next(&view), Some(NOW.plus_micros(101)));
}

#[test]
fn without_sources_the_panel_says_so() {
    let mut catalogue = catalogue();
    catalogue.sources.clear();
    let said = texts(&state_with(operations(), catalogue, CANVAS, vec![]), "sources", Link::Live, "vi");
    assert!(said.iter().any(|said| said == "Chưa có nguồn dữ liệu nào"), "{said:?}");
}
