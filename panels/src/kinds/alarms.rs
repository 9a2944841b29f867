//! Alarms that stand: the worst that nobody sees to first, each with who has to act and since when.

use protocol::alarm::{AlarmSeverity, AlarmState};
use protocol::{Alarm, AreaId, Catalogue, PanelSpec, RecordKind, Timestamp, ViewState};
use serde::Deserialize;

use crate::entries::{self, Entry, Styles};
use crate::facts::{self, Severity};
use crate::frame::{Footer, Pill, Report};
use crate::label::Label;
use crate::options::{check_area, parse};
use crate::rows::Rest;
use crate::scene::{Rect, Scene, TextContent};
use crate::text::Style;
use crate::tile::{Piece, Tile};
use crate::wording::Wording;
use crate::{Needs, OptionsError, Paint, Panel, locale, number};

/// The kind `alarms`.
pub struct Alarms;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    title: Option<Wording>,
    /// Only those of this area and of what lies below it.
    #[serde(default)]
    area: Option<AreaId>,
}

impl Panel for Alarms {
    fn kind(&self) -> &'static str {
        "alarms"
    }

    fn calls_for_attention(&self) -> bool {
        true
    }

    fn needs(&self, spec: &PanelSpec, catalogue: &Catalogue, _: Rect) -> Result<Needs, OptionsError> {
        let options: Options = parse(spec)?;
        if let Some(area) = &options.area {
            check_area(catalogue, "area", area)?;
        }
        Ok(Needs { records: [RecordKind::Alarm].into(), ..Needs::default() })
    }

    fn paint(&self, paint: &mut Paint<'_>, scene: &mut Scene) {
        let Ok(options) = parse::<Options>(paint.spec) else { return };
        let (view, language, now) = (paint.view, paint.language, paint.now);
        let mut tile = Tile::new(paint, scene);
        let Some(arranged) = view.arranged() else { return tile.notice("waiting") };
        let catalogue = &arranged.catalogue;
        let alarms = options.standing(view, catalogue, now);
        let reports: Vec<_> =
            alarms.iter().map(|alarm| Report::of(&alarm.source, alarm.received_at, alarm.status)).collect();
        let footer = Footer::of_reports(catalogue, &reports, &tile);
        let title = Wording::or(options.title.as_ref(), language, || locale::text(language, "alarms"));
        let pill = unseen_pill(&alarms, language);
        tile.frame(&title, pill.as_ref(), footer.as_ref());
        let Some(worst) = alarms.iter().map(|alarm| severity(alarm)).max() else { return tile.notice("no-alarms") };
        tile.attention_border(worst);
        entries::draw(&mut tile, alarms.len(), Rest::Counted { more: 0 }, |index, styles| {
            let is_first = index == 0;
            entry(alarms[index], catalogue, (language, now), styles, is_first)
        });
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        let options: Options = parse(spec).ok()?;
        let catalogue = &view.arranged()?.catalogue;
        let stands = !options.standing(view, catalogue, now).is_empty();
        // Since when is told by the day.
        next_return(view, now).into_iter().chain(stands.then(|| number::next_midnight(now))).min()
    }
}

impl Options {
    fn standing<'v>(&self, view: &'v ViewState, catalogue: &Catalogue, now: Timestamp) -> Vec<&'v Alarm> {
        let is_meant = |alarm: &&Alarm| match (&self.area, &alarm.area) {
            (Some(within), Some(area)) => lies_within(catalogue, area, within),
            (Some(_), None) => false,
            (None, _) => true,
        };
        standing(view, now).into_iter().filter(is_meant).collect()
    }
}

/// Those that are not over or put aside, in the order in which they are to be looked at.
pub(super) fn standing(view: &ViewState, now: Timestamp) -> Vec<&Alarm> {
    let all = view.alarms().map(|alarm| &**alarm);
    let mut standing: Vec<&Alarm> =
        all.filter(|alarm| alarm.is_standing() && aside_until(alarm, now).is_none()).collect();
    standing.sort_by_key(|alarm| (std::cmp::Reverse((is_unseen(alarm), alarm.severity, alarm.raised_at)), &alarm.id));
    standing
}

/// When the next one that is put aside comes back.
pub(super) fn next_return(view: &ViewState, now: Timestamp) -> Option<Timestamp> {
    view.alarms().filter_map(|alarm| aside_until(alarm, now)).min()
}

fn aside_until(alarm: &Alarm, now: Timestamp) -> Option<Timestamp> {
    match alarm.state {
        AlarmState::Shelved { until, .. } => Some(until).filter(|until| *until > now),
        _ => None,
    }
}

fn lies_within(catalogue: &Catalogue, area: &AreaId, within: &AreaId) -> bool {
    let mut next = Some(area);
    // A catalogue has no circles, but a state that came from elsewhere might.
    for _ in 0..=catalogue.areas.len() {
        match next {
            Some(area) if area == within => return true,
            Some(area) => next = catalogue.areas.get(area).and_then(|area| area.parent.as_ref()),
            None => return false,
        }
    }
    false
}

/// Whether nobody has said that they see to it.
fn is_unseen(alarm: &Alarm) -> bool {
    !matches!(alarm.state, AlarmState::Acknowledged { .. })
}

pub(super) fn severity(alarm: &Alarm) -> Severity {
    match alarm.severity {
        AlarmSeverity::Warning => Severity::Warning,
        AlarmSeverity::Critical => Severity::Critical,
    }
}

fn unseen_pill(alarms: &[&Alarm], language: &str) -> Option<Pill> {
    let unseen = alarms.iter().filter(|alarm| is_unseen(alarm));
    let worst = unseen.clone().map(|alarm| severity(alarm)).max()?;
    let (ink, plate) = worst.pill();
    let content = TextContent::Label(Label::count("alarms-unseen", unseen.count(), language));
    Some(Pill { mark: worst.mark()?, name: None, content, ink, plate })
}

fn entry(
    alarm: &Alarm,
    catalogue: &Catalogue,
    (language, now): (&str, Timestamp),
    styles: Styles,
    is_first: bool,
) -> Entry {
    let severity = severity(alarm);
    let ink = severity.pill().0;
    let unseen = is_unseen(alarm);
    let state = match &alarm.state {
        AlarmState::Acknowledged { by, .. } => locale::text_with(language, "alarm-acknowledged", &[("by", by)]),
        _ => locale::text(language, "alarm-unseen"),
    };
    let state = Piece::words(state, if unseen { Style { color: ink, ..styles.caption } } else { styles.caption });
    let where_ = place(alarm, catalogue, language);
    // Without room for who acknowledged it and where it is, that somebody did and who is to act.
    let short = match (&alarm.state, &alarm.agency) {
        (AlarmState::Acknowledged { .. }, Some(agency)) => {
            let agency = facts::agency(catalogue, agency, language).unwrap_or(agency.as_str());
            let seen = locale::text(language, "alarm-seen");
            vec![Piece::words(format!("{agency} · {seen}"), styles.caption)]
        }
        _ => Vec::new(),
    };
    let who = (!where_.is_empty()).then(|| Piece::words(format!("{where_} · "), styles.caption));
    Entry {
        mark: severity.mark().map(|mark| (mark, severity.color())),
        flashing: is_first && unseen && severity == Severity::Critical,
        above: vec![Piece::words(alarm.text.in_language(language), styles.name)],
        above_right: vec![Piece::label(Label::since(alarm.raised_at, now, language), styles.caption)],
        below: who.into_iter().chain([state]).collect(),
        below_short: short,
        ..Entry::default()
    }
}

/// Who has to act, and where.
fn place(alarm: &Alarm, catalogue: &Catalogue, language: &str) -> String {
    let agency = alarm.agency.as_ref().and_then(|id| facts::agency(catalogue, id, language));
    let area = alarm.area.as_ref().and_then(|id| catalogue.areas.get(id)).map(|area| area.name.in_language(language));
    agency.into_iter().chain(area).collect::<Vec<_>>().join(" · ")
}
