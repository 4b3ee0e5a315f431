//! Small pictures for lists; a picture from outside is decoded only within limits.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, Rgb, RgbImage};

/// Longest side of a picture that is decoded, pixels: above any phone's camera.
const MAX_SIDE: u32 = 12_000;
/// Most pixels of a picture that is decoded: 50 megapixel cameras exist; a few kilobytes that
/// unpack to more are an attack.
const MAX_PIXELS: u64 = 52_000_000;
/// Memory for decoding, octets: [`MAX_PIXELS`] at four octets each.
const MAX_MEMORY: u64 = 4 * MAX_PIXELS;
/// JPEG quality of thumbnails.
const QUALITY: u8 = 80;

/// Why there is no thumbnail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ThumbError {
    /// No picture of a kind that can be decoded.
    #[error("this is no picture that can be decoded")]
    NotAPicture,
    /// More pixels than the limit.
    #[error("the picture has {width}x{height} pixels, more than is decoded")]
    TooLarge {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// It would take more room than a decoder is given.
    #[error("the picture is larger than is decoded: {reason}")]
    TooMuch {
        /// What the decoder says.
        reason: String,
    },
    /// It begins like a picture and is damaged.
    #[error("the picture is damaged: {reason}")]
    Damaged {
        /// What the decoder found.
        reason: String,
    },
}

/// A JPEG of the picture in `octets`, upright, its longer side at most `max_edge` pixels; smaller
/// pictures keep their size. Takes as long as decoding takes: call it where blocking is allowed.
///
/// # Errors
/// [`ThumbError`].
pub fn thumbnail(octets: &[u8], max_edge: u32) -> Result<Vec<u8>, ThumbError> {
    let mut reader = ImageReader::new(Cursor::new(octets))
        .with_guessed_format()
        .map_err(|_| ThumbError::NotAPicture)?;
    if reader.format().is_none() {
        return Err(ThumbError::NotAPicture);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| damaged(&error))?;
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ThumbError::TooLarge { width, height });
    }
    let orientation = decoder.orientation().ok();
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| damaged(&error))?;
    let max_edge = max_edge.max(1);
    let mut small =
        if width.max(height) > max_edge { picture.thumbnail(max_edge, max_edge) } else { picture };
    if let Some(orientation) = orientation {
        small.apply_orientation(orientation);
    }
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, QUALITY)
        .encode_image(&on_white(&small))
        .map_err(|error| damaged(&error))?;
    Ok(out)
}

/// JPEG knows no transparency; what shows through a logo is the page.
fn on_white(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0;
        let alpha = u16::from(alpha);
        let mix = |colour: u8| {
            u8::try_from((u16::from(colour) * alpha + 255 * (255 - alpha)) / 255).unwrap_or(255)
        };
        Rgb([mix(red), mix(green), mix(blue)])
    })
}

fn damaged(error: &ImageError) -> ThumbError {
    match error {
        ImageError::Unsupported(_) => ThumbError::NotAPicture,
        ImageError::Limits(_) => ThumbError::TooMuch { reason: error.to_string() },
        error => ThumbError::Damaged { reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, RgbaImage};

    use super::*;

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, ImageFormat::Png).unwrap();
        out.into_inner()
    }

    #[test]
    fn longer_side_is_brought_to_the_limit_and_small_pictures_stay() {
        let octets = png(&DynamicImage::new_rgb8(400, 100));
        let small = image::load_from_memory(&thumbnail(&octets, 80).unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (80, 20));
        let same = image::load_from_memory(&thumbnail(&octets, 1000).unwrap()).unwrap();
        assert_eq!((same.width(), same.height()), (400, 100));
    }

    #[test]
    fn transparent_ground_becomes_white() {
        let octets = png(&DynamicImage::ImageRgba8(RgbaImage::new(16, 16)));
        let small = image::load_from_memory(&thumbnail(&octets, 16).unwrap()).unwrap().to_rgb8();
        assert!(small.get_pixel(8, 8).0.iter().all(|colour| *colour > 250));
    }

    #[test]
    fn pixel_bomb_is_refused_before_it_is_unpacked() {
        // A PNG header that announces 60 000 x 60 000 pixels, with a valid checksum.
        let mut octets = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        octets.extend([0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60, 8, 2, 0, 0, 0]);
        let sum = crc(&octets[12..]);
        octets.extend(sum.to_be_bytes());
        octets.extend(b"\0\0\0\0IDAT\x35\xAF\x06\x1E");
        assert!(thumbnail(&octets, 100).is_err());
        let within_sides = png_header(10_000, 10_000);
        assert_eq!(
            thumbnail(&within_sides, 100),
            Err(ThumbError::TooLarge { width: 10_000, height: 10_000 })
        );
    }

    fn png_header(width: u32, height: u32) -> Vec<u8> {
        let mut octets = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        octets.extend(width.to_be_bytes());
        octets.extend(height.to_be_bytes());
        octets.extend([8, 0, 0, 0, 0]);
        let sum = crc(&octets[12..]);
        octets.extend(sum.to_be_bytes());
        octets.extend(b"\0\0\0\0IDAT\x35\xAF\x06\x1E");
        octets
    }

    fn crc(octets: &[u8]) -> u32 {
        !octets.iter().fold(u32::MAX, |sum, octet| {
            (0..8).fold(sum ^ u32::from(*octet), |sum, _| {
                if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 }
            })
        })
    }

    #[test]
    fn what_is_no_picture_is_said_so() {
        assert_eq!(thumbnail(b"hello", 100), Err(ThumbError::NotAPicture));
        assert_eq!(thumbnail(b"", 100), Err(ThumbError::NotAPicture));
        assert!(matches!(
            thumbnail(b"\xFF\xD8\xFF\xE0\0\x10JFIF", 100),
            Err(ThumbError::Damaged { .. })
        ));
    }
}
