//! Alarms that are not over: the worst that nobody sees to first, each with who has to act and since when. In a flood
//! they are told by their causes.

use protocol::alarm::load::{self, Group};
use protocol::alarm::{AlarmSeverity, AlarmState};
use protocol::{Alarm, AreaId, Catalogue, PanelSpec, RecordKind, Timestamp, ViewState};
use serde::Deserialize;

use crate::entries::{self, Entry, Styles};
use crate::facts::{self, Severity};
use crate::frame::{Footer, Pill, Report};
use crate::label::Label;
use crate::options::{check_area, parse};
use crate::rows::{self, Rest};
use crate::scene::{Rect, Scene, TextContent};
use crate::text::{Font, Style};
use crate::theme::{self, TextClass};
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
        let load = Load::of(view, now);
        let alarms: Vec<&Alarm> =
            load.alarms.iter().copied().filter(|alarm| options.is_meant(alarm, catalogue)).collect();
        let reports: Vec<_> =
            alarms.iter().map(|alarm| Report::of(&alarm.source, alarm.received_at, alarm.status)).collect();
        let footer = Footer::of_reports(catalogue, &reports, &tile);
        let title = Wording::or(options.title.as_ref(), language, || locale::text(language, "alarms"));
        let pill = load.flood_pill(language).or_else(|| unseen_pill(&alarms, (language, now)));
        tile.frame(&title, pill.as_ref(), footer.as_ref());
        aside_line(&mut tile, view.alarms().map(|alarm| &**alarm).filter(|alarm| options.is_meant(alarm, catalogue)));
        let Some(worst) = alarms.iter().map(|alarm| severity(alarm)).max() else { return tile.notice("no-alarms") };
        tile.attention_border(worst);
        let groups = load.grouped(alarms);
        let critical = groups.iter().filter(|group| group.first.severity == AlarmSeverity::Critical).count();
        let start = tile.checkpoint();
        let draw = |tile: &mut Tile<'_, '_>, rest| {
            entries::draw(tile, groups.len(), rest, |index, styles| {
                let is_first = index == 0;
                entry(&groups[index], catalogue, (language, now), styles, is_first)
            })
        };
        let shown = draw(&mut tile, Rest::Counted { more: 0 });
        if load.flood.is_some() && shown < critical {
            // Where not all critical ones of a flood have room at once, they take turns.
            tile.rewind(start);
            draw(&mut tile, Rest::Pages);
        }
    }

    fn next_change(&self, spec: &PanelSpec, view: &ViewState, now: Timestamp) -> Option<Timestamp> {
        parse::<Options>(spec).ok()?;
        let active: Vec<_> = view.alarms().filter(|alarm| alarm.is_active()).collect();
        let standing = active.iter().map(|alarm| alarm.standing_from()).filter(|from| *from > now).min();
        // Since when is told by the day.
        let midnight = active.first().map(|_| number::next_midnight(now));
        let is_flood = load::flood_until(view.alarms().map(|alarm| &**alarm), now).is_some();
        let page = is_flood.then(|| rows::next_page(now));
        next_change(view, now).into_iter().chain(standing).chain(midnight).chain(page).min()
    }
}

impl Options {
    fn is_meant(&self, alarm: &Alarm, catalogue: &Catalogue) -> bool {
        match (&self.area, &alarm.area) {
            (Some(within), Some(area)) => lies_within(catalogue, area, within),
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}

/// The alarms of a view that are not over or put aside, as they are to be looked at.
pub(super) struct Load<'v> {
    alarms: Vec<&'v Alarm>,
    /// How many were raised within the last minutes, where they are too many.
    flood: Option<usize>,
}

impl<'v> Load<'v> {
    pub fn of(view: &'v ViewState, now: Timestamp) -> Self {
        let all = || view.alarms().map(|alarm| &**alarm);
        let lately = now.plus_micros(-load::FLOOD_MICROS);
        let flood = load::flood_until(all(), now).map(|_| all().filter(|alarm| alarm.raised_at > lately).count());
        let mut alarms: Vec<&Alarm> =
            all().filter(|alarm| alarm.is_active() && alarm.aside_until(now).is_none()).collect();
        // In a flood the critical ones come first, seen or not: none of them is to be missed.
        alarms.sort_by_key(|alarm| {
            let is_first = flood.is_some() && alarm.severity == AlarmSeverity::Critical;
            (std::cmp::Reverse((is_first, alarm.is_unseen(now), alarm.severity, alarm.raised_at)), &alarm.id)
        });
        Self { alarms, flood }
    }

    /// All of them, by their causes in a flood.
    pub fn groups(&self) -> Vec<Group<'v>> {
        self.grouped(self.alarms.iter().copied())
    }

    fn grouped(&self, alarms: impl IntoIterator<Item = &'v Alarm>) -> Vec<Group<'v>> {
        match self.flood {
            Some(_) => load::by_cause(alarms),
            None => alarms.into_iter().map(Group::alone).collect(),
        }
    }

    fn flood_pill(&self, language: &str) -> Option<Pill> {
        let severity = Severity::Critical;
        let (ink, plate) = severity.pill();
        let content = TextContent::Label(Label::count("alarms-flood", self.flood?, language));
        Some(Pill { mark: severity.mark()?, name: None, content, ink, plate })
    }
}

/// When the next one that is put aside comes back, or a flood is over.
pub(super) fn next_change(view: &ViewState, now: Timestamp) -> Option<Timestamp> {
    let back = view.alarms().filter_map(|alarm| alarm.aside_until(now)).min();
    back.into_iter().chain(load::flood_until(view.alarms().map(|alarm| &**alarm), now)).min()
}

/// How many are put aside, and when the first of them comes back, below the others.
fn aside_line<'a>(tile: &mut Tile<'_, '_>, alarms: impl Iterator<Item = &'a Alarm>) {
    let (language, now) = (tile.paint.language, tile.paint.now);
    let back: Vec<Timestamp> = alarms.filter_map(|alarm| alarm.aside_until(now)).collect();
    let style = tile.style(Font::Regular, TextClass::Caption, theme::CAPTION);
    // Those that call for someone come first.
    if tile.room.height < style.line_height() * 4.0 {
        return;
    }
    let Some(first) = back.iter().min() else { return };
    let line = tile.take_bottom(style.line_height());
    let pieces = vec![
        Piece::label(Label::count("alarms-aside", back.len(), language), style),
        Piece::words(format!(" · {} ", locale::text(language, "alarms-back")), style),
        Piece::label(Label::moment(*first, now, language), style),
    ];
    tile.pieces_keeping_figures(pieces, line.x, Tile::middle_baseline(line, style.size), line.width);
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

pub(super) fn severity(alarm: &Alarm) -> Severity {
    match alarm.severity {
        AlarmSeverity::Warning => Severity::Warning,
        AlarmSeverity::Critical => Severity::Critical,
    }
}

fn unseen_pill(alarms: &[&Alarm], (language, now): (&str, Timestamp)) -> Option<Pill> {
    let unseen = alarms.iter().filter(|alarm| alarm.is_unseen(now));
    let worst = unseen.clone().map(|alarm| severity(alarm)).max()?;
    let (ink, plate) = worst.pill();
    let content = TextContent::Label(Label::count("alarms-unseen", unseen.count(), language));
    Some(Pill { mark: worst.mark()?, name: None, content, ink, plate })
}

fn entry(
    group: &Group<'_>,
    catalogue: &Catalogue,
    (language, now): (&str, Timestamp),
    styles: Styles,
    is_first: bool,
) -> Entry {
    let alarm = group.first;
    let severity = severity(alarm);
    let unseen = alarm.is_unseen(now);
    let strong = Style { color: severity.pill().0, ..styles.caption };
    let (agency, area) = (agency(alarm, catalogue, language), area(alarm, catalogue, language));
    let who = agency.iter().chain(&area).copied().collect::<Vec<_>>().join(" · ");
    let who = (!who.is_empty()).then(|| Piece::words(format!("{who} · "), styles.caption));
    let acknowledged = match &alarm.state {
        AlarmState::Acknowledged { by, .. } => Some(locale::text_with(language, "alarm-acknowledged", &[("by", by)])),
        _ => None,
    };
    let state = acknowledged.clone().unwrap_or_else(|| locale::text(language, "alarm-unseen"));
    let state = Piece::words(state, if unseen { strong } else { styles.caption });
    let below: Vec<Piece> = remarks(group, (language, now), strong).chain(who).chain([state]).collect();
    // Without room for who acknowledged it and where it is, that somebody did and who is to act.
    let short = match (acknowledged, agency) {
        (Some(_), Some(agency)) => {
            let seen = locale::text(language, "alarm-seen");
            let said = Piece::words(format!("{agency} · {seen}"), styles.caption);
            remarks(group, (language, now), strong).chain([said]).collect()
        }
        _ => Vec::new(),
    };
    Entry {
        mark: severity.mark().map(|mark| (mark, severity.color())),
        flashing: is_first && unseen && severity == Severity::Critical,
        above: vec![Piece::words(alarm.text.in_language(language), styles.name)],
        above_right: vec![Piece::label(Label::since(alarm.raised_at, now, language), styles.caption)],
        below,
        below_short: short,
        ..Entry::default()
    }
}

/// What sets it apart from others: how many more there are of its cause, that it comes and goes, that it has stood long.
fn remarks<'g>(
    group: &'g Group<'_>,
    (language, now): (&'g str, Timestamp),
    style: Style,
) -> impl Iterator<Item = Piece> + 'g {
    let counted = |key, count| Some(Label::count(key, count, language)).filter(|_| count > 0);
    let more = counted("alarm-more", group.more.len());
    let chatters = counted("alarm-chatters", group.first.chatter as usize);
    let standing = group.first.is_standing(now).then(|| Piece::words(locale::text(language, "alarm-standing"), style));
    let labels = more.into_iter().chain(chatters).map(move |label| Piece::label(label, style));
    labels.chain(standing).flat_map(move |remark| [remark, Piece::words(" · ", style)])
}

/// Who has to act.
fn agency<'a>(alarm: &'a Alarm, catalogue: &'a Catalogue, language: &str) -> Option<&'a str> {
    let id = alarm.agency.as_ref()?;
    Some(facts::agency(catalogue, id, language).unwrap_or(id.as_str()))
}

/// Where.
fn area<'a>(alarm: &Alarm, catalogue: &'a Catalogue, language: &str) -> Option<&'a str> {
    Some(catalogue.areas.get(alarm.area.as_ref()?)?.name.in_language(language))
}
