//! Figures of different dates never stand beside each other as if they were of one.

use panels::Link;
use panels::number::day_start;
use panels::text::TextEngine;
use protocol::observation::Period;
use protocol::{Catalogue, Observation, PanelSpec, Scenario, Timestamp, ViewState};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::centre::{CANVAS, NOW, catalogue, paint_all, panel};
use crate::figures::{figure, figure_in, state_of, texts};

fn day(year: i16, month: i8, day: i8) -> Timestamp {
    day_start(year, month, day).unwrap()
}

fn value() -> Vec<PanelSpec> {
    vec![panel("one", "value", [0, 0, 10, 6], json!({ "indicator": "revenue", "area": "51" }))]
}

fn said_of_revenue(figures: Vec<Observation>) -> Vec<String> {
    texts(&state_of(value(), catalogue(), CANVAS, figures), "one", Link::Live, "vi")
}

fn has(said: &[String], text: &str) -> bool {
    said.iter().any(|said| said.contains(text))
}

#[test]
fn a_course_that_is_posted_for_the_whole_year_is_compared_at_the_date_of_the_figure() {
    let course = (1..=365).map(|number| {
        let at = day(2023, 1, 1).plus_micros((number - 1) * 86_400_000_000);
        figure("revenue", Scenario::Expected, at, number as f64)
    });
    let mut figures: Vec<_> = course.collect();
    figures.push(figure("revenue", Scenario::Plan, day(2023, 1, 1), 365.0));
    // 14 August is the 226th day.
    figures.push(figure("revenue", Scenario::Actual, day(2023, 8, 14), 226.0));
    let said = said_of_revenue(figures);
    assert!(said.iter().filter(|said| *said == "61,9\u{a0}%").count() == 2, "reached and expected alike: {said:?}");
    assert!(!has(&said, "100,0") && !has(&said, "chậm kế hoạch"), "{said:?}");
}

#[test]
fn the_plan_is_that_of_the_year_of_the_figure() {
    let figures = |with_own: bool| {
        let mut figures = vec![
            figure("revenue", Scenario::Actual, day(2023, 8, 14), 50.0),
            figure("revenue", Scenario::Plan, day(2024, 1, 1), 200.0),
            figure("revenue", Scenario::Plan, day(2043, 1, 1), 900.0),
        ];
        if with_own {
            figures.push(figure("revenue", Scenario::Plan, day(2023, 1, 1), 100.0));
        }
        figures
    };
    assert!(has(&said_of_revenue(figures(true)), "50,0\u{a0}%"));
    let said = said_of_revenue(figures(false));
    assert!(!has(&said, "%") && !has(&said, "kế hoạch"), "no plan of that year: {said:?}");
}

#[test]
fn a_late_figure_is_compared_with_its_own_date_or_not_at_all() {
    let figures = |with_own: bool| {
        let mut figures = vec![
            figure("revenue", Scenario::Actual, day(2023, 8, 11), 110.0),
            figure("revenue", Scenario::SamePeriod, day(2023, 8, 10), 50.0),
            figure("revenue", Scenario::SamePeriod, day(2023, 8, 14), 220.0),
        ];
        if with_own {
            figures.push(figure("revenue", Scenario::SamePeriod, day(2023, 8, 11), 100.0));
        }
        figures
    };
    assert!(has(&said_of_revenue(figures(true)), "▲ 10,0\u{a0}%"));
    let said = said_of_revenue(figures(false));
    assert!(!has(&said, "▲") && !has(&said, "▼") && !has(&said, "cùng kỳ"), "{said:?}");
}

/// The view of one panel of an indicator with another period.
fn of_period(period: Period, kind: &str, options: Value, figures: Vec<Observation>) -> ViewState {
    let mut catalogue: Catalogue = catalogue();
    let mut indicator = (*catalogue.indicators["monthly"]).clone();
    indicator.period = period;
    catalogue.indicators.insert("monthly".into(), Arc::new(indicator));
    state_of(vec![panel("one", kind, [0, 0, 20, 10], options)], catalogue, CANVAS, figures)
}

#[test]
fn a_chart_ends_at_the_newest_measured_figure_whatever_is_planned() {
    let actual = (3..=7).map(|month| figure("monthly", Scenario::Actual, day(2023, month, 1), 10.0));
    let planned = (1..=12).map(|month| figure("monthly", Scenario::Expected, day(2023, month, 1), 8.0));
    let options =
        json!({ "indicator": "monthly", "area": "51", "scenarios": ["actual", "expected"], "secs": 31_536_000 });
    let said =
        texts(&of_period(Period::Month, "series", options, actual.chain(planned).collect()), "one", Link::Live, "vi");
    assert!(has(&said, "T7") && !has(&said, "T8") && !has(&said, "T12"), "{said:?}");
}

#[test]
fn a_legend_gives_all_values_of_one_date() {
    let actual = (1..=7).map(|month| figure("monthly", Scenario::Actual, day(2023, month, 1), f64::from(month)));
    let before =
        (1..=12).map(|month| figure("monthly", Scenario::SamePeriod, day(2023, month, 1), 100.0 + f64::from(month)));
    let options = json!({ "indicator": "monthly", "area": "51", "scenarios": ["actual", "same_period"], "from": "2023-01-01", "to": "2023-12-31" });
    let view = of_period(Period::Month, "series", options, actual.chain(before).collect());
    let scenes = paint_all(&view, Link::Live, "vi", &mut TextEngine::new());
    let figures: Vec<&str> = scenes[0].figures().map(|(text, _)| text).collect();
    assert_eq!(figures, ["7", "107"], "July beside July");
}

#[test]
fn periods_without_a_figure_keep_their_place_and_names_tell_years_apart() {
    let options =
        json!({ "by": "time", "indicator": "monthly", "area": "51", "from": "2020-01-01", "to": "2023-12-31" });
    let said = |period, days: &[(i16, i8)]| {
        let figures = days.iter().map(|(year, month)| figure("monthly", Scenario::Actual, day(*year, *month, 1), 1.0));
        texts(&of_period(period, "bars", options.clone(), figures.collect()), "one", Link::Live, "vi")
    };
    let years = said(Period::Year, &[(2020, 12), (2022, 12)]);
    assert!(has(&years, "2021"), "{years:?}");
    let quarters = said(Period::Quarter, &[(2022, 7), (2023, 1)]);
    for name in ["quý 3/2022", "quý 4/2022", "quý 1/2023"] {
        assert!(has(&quarters, name), "{quarters:?}");
    }
    let months = said(Period::Month, &[(2022, 12), (2023, 1)]);
    assert!(has(&months, "T12/2022") && has(&months, "T1/2023"), "{months:?}");
    let one_year = said(Period::Month, &[(2022, 7), (2022, 8)]);
    assert!(one_year.iter().any(|said| said == "T8"), "{one_year:?}");
}

#[test]
fn districts_that_are_gone_are_not_compared_with_what_took_their_place() {
    let mut catalogue = catalogue();
    let areas: Vec<_> = catalogue.areas.values().filter(|area| area.parent.is_some()).cloned().collect();
    for area in areas {
        let mut old = (*area).clone();
        old.valid_to = Some("2025-07-01".into());
        catalogue.areas.insert(old.id.clone(), Arc::new(old));
    }
    let mut commune = (*catalogue.areas["522"]).clone();
    (commune.id, commune.name.vi) = ("21548".into(), "Đặc khu Lý Sơn".into());
    (commune.valid_from, commune.valid_to) = (Some("2025-07-01".into()), None);
    catalogue.areas.insert(commune.id.clone(), Arc::new(commune));
    let figures = || ["522", "524", "21548"].map(|area| figure_in(area, "rate", Scenario::Actual, NOW, 50.0)).to_vec();
    let said = |options: Value| {
        let panels = vec![panel("one", "bars", [0, 0, 14, 16], options)];
        texts(&state_of(panels, catalogue.clone(), CANVAS, figures()), "one", Link::Live, "vi")
    };
    let newest = said(json!({ "indicator": "rate", "area": "51" }));
    assert!(
        has(&newest, "Đặc khu Lý Sơn") && !has(&newest, "Bình Sơn") && has(&newest, "địa giới từ 01/7/2025"),
        "{newest:?}"
    );
    let before = said(json!({ "indicator": "rate", "area": "51", "boundaries": "2025-06-30" }));
    assert!(
        !has(&before, "Đặc khu") && has(&before, "Bình Sơn") && has(&before, "địa giới trước 01/7/2025"),
        "{before:?}"
    );
}
