//! The picture of the demonstration: a landscape that is drawn, not kept, and looks different for
//! every seed.

use image::{Rgb, RgbImage};

/// Least and most octets that can be asked for.
const SIZES: std::ops::RangeInclusive<usize> = 4_000..=3_000_000;
/// JPEG quality, that of a phone's camera.
const QUALITY: u8 = 88;

/// A JPEG photograph of no real place, of about `approx_octets` (within some 10 %), the same for
/// the same arguments.
#[must_use]
pub fn demo_photo(seed: u64, approx_octets: usize) -> Vec<u8> {
    let wanted = approx_octets.clamp(*SIZES.start(), *SIZES.end());
    // About half an octet a pixel at this quality and grain; then corrected by what came out.
    let mut pixels = wanted as f64 * 2.0;
    let mut best = Vec::new();
    for _ in 0..4 {
        let width = (pixels * 4.0 / 3.0).sqrt().clamp(48.0, 4000.0) as u32;
        let picture = draw(seed, width, width * 3 / 4);
        let mut out = Vec::new();
        let encoded = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, QUALITY)
            .encode_image(&picture);
        if encoded.is_err() || out.is_empty() {
            break;
        }
        let ratio = wanted as f64 / out.len() as f64;
        if best.is_empty() || out.len().abs_diff(wanted) < best.len().abs_diff(wanted) {
            best = out;
        }
        if (0.95..=1.05).contains(&ratio) {
            break;
        }
        pixels *= ratio;
    }
    best
}

/// Colours of one scene.
struct Scene {
    seed: u64,
    sky: [[f32; 3]; 2],
    hills: [[f32; 3]; 3],
    sun: (f32, f32),
}

const SKIES: [[[f32; 3]; 2]; 4] = [
    [[52.0, 110.0, 190.0], [240.0, 226.0, 200.0]],
    [[38.0, 34.0, 84.0], [252.0, 150.0, 92.0]],
    [[18.0, 66.0, 110.0], [246.0, 196.0, 150.0]],
    [[92.0, 148.0, 204.0], [226.0, 240.0, 246.0]],
];
const HILLS: [[[f32; 3]; 3]; 3] = [
    [[112.0, 138.0, 150.0], [70.0, 112.0, 92.0], [34.0, 72.0, 48.0]],
    [[150.0, 118.0, 130.0], [98.0, 76.0, 96.0], [46.0, 38.0, 58.0]],
    [[140.0, 150.0, 120.0], [110.0, 124.0, 70.0], [62.0, 80.0, 38.0]],
];

fn draw(seed: u64, width: u32, height: u32) -> RgbImage {
    let pick = |salt: u64, count: usize| (mix(seed ^ salt) % count as u64) as usize;
    let scene = Scene {
        seed,
        sky: SKIES[pick(1, SKIES.len())],
        hills: HILLS[pick(2, HILLS.len())],
        sun: (0.2 + 0.6 * unit(mix(seed ^ 3)), 0.18 + 0.2 * unit(mix(seed ^ 4))),
    };
    let lines: Vec<[f32; 3]> = (0..width)
        .map(|x| {
            let across = x as f32 / width as f32;
            [0, 1, 2].map(|hill| scene.ridge(hill, across))
        })
        .collect();
    RgbImage::from_fn(width, height, |x, y| {
        let across = x as f32 / width as f32;
        let down = y as f32 / height as f32;
        let ridges = lines.get(x as usize).copied().unwrap_or([1.0; 3]);
        let grain = unit(mix(seed ^ (u64::from(x) << 32 | u64::from(y)))) - 0.5;
        Rgb(scene
            .colour(across, down, ridges)
            .map(|colour| (colour + grain * 14.0).clamp(0.0, 255.0) as u8))
    })
}

impl Scene {
    /// Height of a hill's ridge, from the top of the picture.
    fn ridge(&self, hill: usize, across: f32) -> f32 {
        let phase = |salt: u64| 6.3 * unit(mix(self.seed ^ (salt << 8 | hill as u64)));
        let base = 0.52 + 0.14 * hill as f32;
        base + 0.055 * (across * 5.0 + phase(11)).sin()
            + 0.025 * (across * 13.0 + phase(12)).sin()
            + 0.008 * (across * 41.0 + phase(13)).sin()
    }

    fn colour(&self, across: f32, down: f32, ridges: [f32; 3]) -> [f32; 3] {
        for hill in (0..3).rev() {
            if down > ridges[hill] {
                let shade = 1.0 - 0.35 * (down - ridges[hill]);
                return self.hills[hill].map(|colour| colour * shade);
            }
        }
        let [top, bottom] = self.sky;
        let sky: [f32; 3] =
            std::array::from_fn(|i| top[i] + (bottom[i] - top[i]) * (down / 0.6).min(1.0));
        let away = ((across - self.sun.0).powi(2) + ((down - self.sun.1) * 0.75).powi(2)).sqrt();
        let glow = if away < 0.055 { 1.0 } else { (0.10 / (away + 0.045) - 0.12).clamp(0.0, 0.8) };
        let light = [255.0, 244.0, 214.0];
        std::array::from_fn(|i| sky[i] + (light[i] - sky[i]) * glow)
    }
}

/// SplitMix64: one well-mixed number from another.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// From 0 up to 1.
fn unit(value: u64) -> f32 {
    (value >> 40) as f32 / (1u64 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photo_is_a_real_jpeg_of_about_the_wished_size() {
        for wanted in [20_000, 250_000] {
            let photo = demo_photo(7, wanted);
            let off = photo.len().abs_diff(wanted) as f64 / wanted as f64;
            assert!(off < 0.12, "{} instead of {wanted}", photo.len());
            let picture = image::load_from_memory(&photo).unwrap();
            assert!(picture.width() > picture.height());
        }
    }

    #[test]
    fn seed_decides_the_picture() {
        assert_eq!(demo_photo(1, 10_000), demo_photo(1, 10_000));
        assert_ne!(demo_photo(1, 10_000), demo_photo(2, 10_000));
    }
}
