//! The only colours and type sizes. Pixels are those of a canvas 2160 px high; others scale.

use protocol::{Canvas, Room, Timestamp};

use crate::place;
use crate::text::CAP_HEIGHT;

/// sRGB with straight alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Color {
    pub r: u8,
    pub g: u8,
    pub b: u8,
    pub a: u8,
}

impl Color {
    /// Opaque, from `0xRRGGBB`.
    #[must_use]
    pub const fn rgb(hex: u32) -> Self {
        let [_, r, g, b] = hex.to_be_bytes();
        Self { r, g, b, a: 255 }
    }
    /// The same colour at `alpha`.
    #[must_use]
    pub const fn with_alpha(self, alpha: u8) -> Self {
        Self { a: alpha, ..self }
    }
    /// Nothing.
    pub const TRANSPARENT: Self = Self { r: 0, g: 0, b: 0, a: 0 };
}

/// What stands on a canvas of which brightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// For walls.
    #[default]
    Dark,
    /// For paper and bright rooms.
    Light,
}

/// Declares colours, each with the one that stands for it in the light theme, so that none is without.
macro_rules! colors {
    ($($(#[$doc:meta])* $name:ident: $dark:literal => $light:literal;)*) => {
        $($(#[$doc])* pub const $name: Color = Color::rgb($dark);)*
        const LIGHT: &[(Color, Color)] = &[$(($name, Color::rgb($light))),*];
    };
}

colors! {
    /// On plates that are dark in both themes.
    WHITE: 0xFF_FFFF => 0xFF_FFFF;
    /// On plates that are bright in both themes.
    INK: 0x01_0307 => 0x01_0307;
    GROUND: 0x0A_1120 => 0xF4_F6FA;
    PANEL: 0x11_1A2C => 0xFF_FFFF;
    INSET: 0x0D_1526 => 0xF1_F4F8;
    HAIRLINE: 0x1F_2C45 => 0xDC_E3EC;
    TEXT: 0xE8_EEF7 => 0x0F_1A2B;
    TEXT_2: 0xCF_D9E8 => 0x22_304A;
    TEXT_3: 0xA9_B7CC => 0x3C_4B63;
    CAPTION: 0x8F_A0BA => 0x44_526A;
    DATA: 0x6F_A8DC => 0x1C_63B8;
    /// Filled shapes of data, which are larger and so quieter than lines.
    DATA_FILL: 0x4C_8AC4 => 0x3D_82C4;
    WARNING: 0xF2_B84B => 0xC6_7A00;
    WARNING_TEXT: 0xF7_CD78 => 0x6B_4200;
    WARNING_PLATE: 0x3A_2E12 => 0xFE_F5E0;
    CRITICAL: 0xF0_615F => 0xCB_1A14;
    CRITICAL_TEXT: 0xFF_9A98 => 0x8E_1616;
    CRITICAL_PLATE: 0x42_1C20 => 0xFC_E3E2;
    STALE: 0x6B_7A92 => 0x78_8799;
    STALE_TEXT: 0xA9_B7CC => 0x3C_4B63;
    LIVE: 0x7F_D6B5 => 0x0A_5660;
    REHEARSAL: 0x8A_4FD0 => 0x6F_35B5;
}

/// Told apart by the colour-blind; dashes and markers differ too.
pub const SERIES: [Color; 6] =
    [DATA, WARNING, Color::rgb(0x45_C4A0), Color::rgb(0xC7_8BF2), Color::rgb(0xF2_8C6A), Color::rgb(0x9F_B3C8)];
const SERIES_LIGHT: [Color; 6] = [
    Color::rgb(0x1C_63B8),
    Color::rgb(0xC6_7A00),
    Color::rgb(0x0E_7C63),
    Color::rgb(0x8A_45C2),
    Color::rgb(0xC8_522B),
    Color::rgb(0x5B_7187),
];
/// Areas of a map by their class, the lowest first.
pub const MAP_RAMP: [Color; 5] =
    [Color::rgb(0x17_304D), Color::rgb(0x1F_4A75), Color::rgb(0x2D_6AA3), Color::rgb(0x55_95CF), Color::rgb(0x9C_C9F0)];
const MAP_RAMP_LIGHT: [Color; 5] =
    [Color::rgb(0xE1_EBF6), Color::rgb(0xB9_D2EA), Color::rgb(0x86_B3DD), Color::rgb(0x4A_86C0), Color::rgb(0x1B_4F87)];

/// The edge of an area that has no figure.
pub const GAP: Color = TEXT_3.with_alpha(110);

/// Every colour with the one that stands for it in the light theme.
fn pairs() -> impl Iterator<Item = (Color, Color)> {
    let ramp = MAP_RAMP.into_iter().zip(MAP_RAMP_LIGHT);
    LIGHT.iter().copied().chain(SERIES.into_iter().zip(SERIES_LIGHT)).chain(ramp)
}

impl Color {
    /// What stands for it in the light theme, at the same alpha; `None` for a colour that is none of these.
    #[must_use]
    pub fn light(self) -> Option<Self> {
        if self.a == 0 {
            return Some(self);
        }
        let (_, light) = pairs().find(|(dark, _)| *dark == self.with_alpha(255))?;
        Some(light.with_alpha(self.a))
    }

    /// The same in a theme. A colour that is none of these stays as it is.
    #[must_use]
    pub fn in_theme(self, theme: Theme) -> Self {
        match theme {
            Theme::Dark => self,
            Theme::Light => self.light().unwrap_or(self),
        }
    }
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    Data,
    Warning,
    Critical,
    Stale,
    Live,
    Rehearsal,
    /// A step of the ramp of maps.
    Map,
    /// The place of a line among several, from the second on.
    Series(u8),
}

/// What a colour of either theme says, whatever its alpha; nothing for grounds, text and hairlines.
#[must_use]
pub fn meaning(color: Color) -> Option<Meaning> {
    let color = color.with_alpha(255);
    meaning_of_dark(color)
        .or_else(|| pairs().find(|(_, light)| *light == color).and_then(|(dark, _)| meaning_of_dark(dark)))
}

fn meaning_of_dark(color: Color) -> Option<Meaning> {
    let series = || {
        let place = SERIES.iter().position(|series| *series == color)?;
        Some(Meaning::Series(u8::try_from(place).ok()?))
    };
    match color {
        DATA | DATA_FILL => Some(Meaning::Data),
        WARNING | WARNING_TEXT | WARNING_PLATE => Some(Meaning::Warning),
        CRITICAL | CRITICAL_TEXT | CRITICAL_PLATE => Some(Meaning::Critical),
        STALE => Some(Meaning::Stale),
        LIVE => Some(Meaning::Live),
        REHEARSAL => Some(Meaning::Rehearsal),
        step if MAP_RAMP.contains(&step) => Some(Meaning::Map),
        _ => series(),
    }
}

/// `above` laid over an opaque `below`.
#[must_use]
pub fn over(below: Color, above: Color) -> Color {
    let alpha = f32::from(above.a) / 255.0;
    let mix = |below: u8, above: u8| (f32::from(above) * alpha + f32::from(below) * (1.0 - alpha)).round() as u8;
    Color { r: mix(below.r, above.r), g: mix(below.g, above.g), b: mix(below.b, above.b), a: 255 }
}

/// How bright a colour is, as a share of white.
#[must_use]
pub fn luminance(color: Color) -> f64 {
    let linear = |channel: u8| match f64::from(channel) / 255.0 {
        low if low <= 0.040_45 => low / 12.92,
        high => ((high + 0.055) / 1.055).powf(2.4),
    };
    0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b)
}

/// Half of the time that a flash takes: on and off twice a second.
const HALF_FLASH_MICROS: i64 = 250_000;

/// Whether what flashes is to be seen, and when that changes.
#[must_use]
pub fn flash(now: Timestamp) -> (bool, Timestamp) {
    let half = now.as_micros().div_euclid(HALF_FLASH_MICROS);
    (half.rem_euclid(2) == 0, Timestamp(half.saturating_add(1).saturating_mul(HALF_FLASH_MICROS)))
}

/// What text is for. Text of one class has one size all over a wall, where it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextClass {
    /// The figure that a tile is for.
    Numeral,
    /// The same in a small tile.
    SmallNumeral,
    /// The name of what is shown.
    Heading,
    /// The time of day in the head.
    Clock,
    /// The time of day, where it is all there is.
    LargeClock,
    /// Below it.
    LargeDate,
    Title,
    /// Beside a numeral.
    Unit,
    /// Paragraphs.
    Prose,
    Body,
    /// Beside the clock and above the heading.
    Date,
    Caption,
}

impl TextClass {
    /// Em on a canvas 2160 px high, and how many minutes of arc its capitals span from the farthest seat of a room
    /// at least.
    const fn reference(self) -> (f32, f32) {
        match self {
            Self::Numeral => (128.0, 60.0),
            Self::SmallNumeral => (100.0, 60.0),
            Self::Heading => (72.0, 22.0),
            Self::Clock => (76.0, 22.0),
            Self::LargeClock => (256.0, 60.0),
            Self::LargeDate => (77.0, 20.0),
            Self::Title => (38.0, 22.0),
            Self::Unit => (39.9, 20.0),
            Self::Prose => (40.8, 20.0),
            Self::Body => (34.0, 20.0),
            Self::Date => (32.0, 20.0),
            Self::Caption => (29.0, 20.0),
        }
    }
    /// Minutes of arc that its capitals span from the farthest seat at least.
    #[must_use]
    pub const fn least_arcmin(self) -> f32 {
        self.reference().1
    }
}

/// The smallest that text is set at where no room is known, on a canvas 2160 px high.
const SMALLEST: f32 = 28.0;
/// The same in minutes of arc, where the room is known.
pub const SMALLEST_ARCMIN: f32 = 16.0;
/// Capitals of fewer pixels lose their shape however near one sits.
pub const LEAST_CAP_PX: f32 = 14.0;

/// How large text is set on a canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TypeSizes {
    /// Canvas pixels per reference pixel.
    factor: f32,
    /// Em in canvas pixels of capitals that span a minute of arc; 0 where no room is known.
    em_per_arcmin: f32,
    smallest: f32,
}

impl TypeSizes {
    /// As if the canvas were seen from as far as the reference's is; `factor` is canvas pixels per reference pixel.
    #[must_use]
    pub fn of_scale(factor: f32) -> Self {
        Self { factor, em_per_arcmin: 0.0, smallest: SMALLEST * factor }
    }

    /// As the farthest seat of the room needs it.
    #[must_use]
    pub fn of_room(canvas: Canvas, room: &Room) -> Self {
        let pitch_mm = room.wall_height_mm / f64::from(canvas.height_px.max(1));
        let cap_mm = 2.0 * room.farthest_seat_mm * (std::f64::consts::PI / 180.0 / 60.0 / 2.0).tan();
        let em_per_arcmin = (cap_mm / pitch_mm) as f32 / CAP_HEIGHT;
        if !(em_per_arcmin.is_finite() && em_per_arcmin > 0.0) {
            return Self::of_scale(place::scale(canvas));
        }
        let smallest = (em_per_arcmin * SMALLEST_ARCMIN).max(LEAST_CAP_PX / CAP_HEIGHT);
        let (body, arcmin) = TextClass::Body.reference();
        let factor = (em_per_arcmin * arcmin).max(smallest) / body;
        Self { factor, em_per_arcmin, smallest }
    }

    /// Em in canvas pixels.
    #[must_use]
    pub fn em(&self, class: TextClass) -> f32 {
        let (reference, arcmin) = class.reference();
        let least = if self.em_per_arcmin > 0.0 { self.smallest } else { 0.0 };
        (reference * self.factor).max(arcmin * self.em_per_arcmin).max(least)
    }

    /// The em below which text is shortened rather than set smaller.
    #[must_use]
    pub fn smallest(&self) -> f32 {
        self.smallest
    }
}

/// Distances of a canvas 2160 px high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spacing {
    pub gutter: f32,
    pub margin: f32,
    pub radius: f32,
    pub border: f32,
    pub padding_x: f32,
    pub padding_y: f32,
}

/// The reference distances.
pub const SPACING: Spacing =
    Spacing { gutter: 24.0, margin: 48.0, radius: 18.0, border: 2.0, padding_x: 32.0, padding_y: 26.0 };

/// The canvas height that the sizes above are for.
pub const REFERENCE_HEIGHT_PX: f32 = 2160.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_has_one_other_in_the_light_theme() {
        for (dark, light) in pairs() {
            assert_eq!(dark.light(), Some(light), "{dark:?}");
            assert_eq!(dark.with_alpha(30).in_theme(Theme::Light), light.with_alpha(30));
            assert_eq!(meaning(dark), meaning(light), "{dark:?} and {light:?} say the same");
        }
        assert_eq!(Color::TRANSPARENT.light(), Some(Color::TRANSPARENT));
        assert_eq!(Color::rgb(0x12_3456).light(), None);
    }
}
