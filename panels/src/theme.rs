//! The only colours and type sizes. Pixels are those of a canvas 2160 px high; others scale.

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

pub const WHITE: Color = Color::rgb(0xFF_FFFF);
pub const GROUND: Color = Color::rgb(0x0A_1120);
pub const PANEL: Color = Color::rgb(0x11_1A2C);
pub const INSET: Color = Color::rgb(0x0D_1526);
pub const HAIRLINE: Color = Color::rgb(0x1F_2C45);
pub const TEXT: Color = Color::rgb(0xE8_EEF7);
pub const TEXT_2: Color = Color::rgb(0xCF_D9E8);
pub const TEXT_3: Color = Color::rgb(0xA9_B7CC);
pub const CAPTION: Color = Color::rgb(0x8F_A0BA);
pub const DATA: Color = Color::rgb(0x6F_A8DC);
/// Filled shapes of data, which are larger and so quieter than lines.
pub const DATA_FILL: Color = Color::rgb(0x4C_8AC4);
pub const WARNING: Color = Color::rgb(0xF2_B84B);
pub const WARNING_TEXT: Color = Color::rgb(0xF7_CD78);
pub const WARNING_PLATE: Color = Color::rgb(0x3A_2E12);
pub const CRITICAL: Color = Color::rgb(0xF0_615F);
pub const CRITICAL_TEXT: Color = Color::rgb(0xFF_9A98);
pub const CRITICAL_PLATE: Color = Color::rgb(0x42_1C20);
pub const STALE: Color = Color::rgb(0x6B_7A92);
pub const STALE_TEXT: Color = Color::rgb(0xA9_B7CC);
pub const LIVE: Color = Color::rgb(0x7F_D6B5);
pub const REHEARSAL: Color = Color::rgb(0x8A_4FD0);
/// Told apart by the colour-blind; dashes and markers differ too.
pub const SERIES: [Color; 6] = [
    Color::rgb(0x6F_A8DC),
    Color::rgb(0xF2_B84B),
    Color::rgb(0x45_C4A0),
    Color::rgb(0xC7_8BF2),
    Color::rgb(0xF2_8C6A),
    Color::rgb(0x9F_B3C8),
];

/// Heights of type, em.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TypeSizes {
    pub numeral: f32,
    pub small_numeral: f32,
    pub title: f32,
    pub body: f32,
    pub caption: f32,
    pub heading: f32,
    pub clock: f32,
    /// Beside a large numeral.
    pub unit: f32,
    /// Paragraphs.
    pub prose: f32,
    /// Beside the clock and above the heading.
    pub date: f32,
}

/// The reference sizes of a canvas 2160 px high.
pub const TYPE: TypeSizes = TypeSizes {
    numeral: 128.0,
    small_numeral: 100.0,
    title: 38.0,
    body: 34.0,
    caption: 29.0,
    heading: 72.0,
    clock: 76.0,
    unit: 39.9,
    prose: 40.8,
    date: 32.0,
};

/// The smallest that text is set at before it is shortened: 16′ from the farthest seat of a room like the demo's.
pub const SMALLEST: f32 = 28.0;

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
