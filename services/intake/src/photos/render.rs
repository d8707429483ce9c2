//! Renditions of a photo, encoded anew.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};

use super::{MediaKind, PhotoFacts};

/// Longer side of what is served, in pixels.
const FULL: u32 = 1600;
/// Longer side of the small picture in lists.
const THUMB: u32 = 320;
/// Larger photos do not come from telephones; decoding one would take the memory of all others.
const MAX_SIDE: u32 = 12_000;
const MAX_DECODED_BYTES: u64 = 256 * 1024 * 1024;

/// Two JPEGs without any metadata.
#[derive(Debug)]
pub struct Renditions {
    /// At most 1600 pixels a side.
    pub full: Vec<u8>,
    /// At most 320 pixels a side.
    pub thumb: Vec<u8>,
}

/// Why a photo cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Damaged, too large, or not what its first bytes say.
    #[error("the photo cannot be decoded")]
    Decode(#[source] image::ImageError),
    /// Could not be written as JPEG.
    #[error("the photo cannot be encoded")]
    Encode(#[source] image::ImageError),
    /// Not a photo.
    #[error("only photos have renditions")]
    NotAPhoto,
}

/// Decodes within limits, turns as the camera was held, shrinks, and encodes as JPEG. Takes tens to
/// hundreds of milliseconds of CPU: call it where blocking is allowed.
pub fn render(
    kind: MediaKind,
    content: &[u8],
    facts: &PhotoFacts,
) -> Result<Renditions, RenderError> {
    let format = match kind {
        MediaKind::Jpeg => ImageFormat::Jpeg,
        MediaKind::Png => ImageFormat::Png,
        MediaKind::Webp => ImageFormat::WebP,
        MediaKind::Pdf | MediaKind::Ogg | MediaKind::Mp4 => return Err(RenderError::NotAPhoto),
    };
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let photo = shrink(reader.decode().map_err(RenderError::Decode)?, FULL);
    let mut photo = DynamicImage::ImageRgb8(photo.into_rgb8());
    if let Some(orientation) = facts.orientation.and_then(Orientation::from_exif) {
        photo.apply_orientation(orientation);
    }
    let thumb = photo.thumbnail(THUMB, THUMB);
    Ok(Renditions {
        full: jpeg(&photo, 82)?,
        thumb: jpeg(&thumb, 75)?,
    })
}

fn shrink(photo: DynamicImage, side: u32) -> DynamicImage {
    if photo.width().max(photo.height()) <= side {
        photo
    } else {
        photo.thumbnail(side, side)
    }
}

fn jpeg(photo: &DynamicImage, quality: u8) -> Result<Vec<u8>, RenderError> {
    let mut out = Vec::new();
    photo
        .write_with_encoder(JpegEncoder::new_with_quality(&mut out, quality))
        .map_err(RenderError::Encode)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::{read_facts, sniff};
    use super::*;

    /// A JPEG of the given size with an APP1 segment that says orientation 6, 8°35′0″ S
    /// 116°6′36″ E, taken 2026-03-01 10:00:00.
    fn photo_with_exif(w: u32, h: u32) -> Vec<u8> {
        let plain = jpeg(&DynamicImage::new_rgb8(w, h), 80).expect("encodes");
        let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
        let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            let mut e = Vec::new();
            e.extend_from_slice(&tag.to_be_bytes());
            e.extend_from_slice(&kind.to_be_bytes());
            e.extend_from_slice(&count.to_be_bytes());
            e.extend_from_slice(&value);
            e
        };
        let ifd = |entries: &[Vec<u8>]| {
            let mut d = u16::try_from(entries.len())
                .expect("few")
                .to_be_bytes()
                .to_vec();
            entries.iter().for_each(|e| d.extend_from_slice(e));
            d.extend_from_slice(&[0; 4]);
            d
        };
        // Directory 0 at 8 (3 entries: 42 bytes), EXIF at 50 (18), GPS at 68 (54), data from 122.
        let at = |n: u32| n.to_be_bytes();
        tiff.extend(ifd(&[
            entry(0x0112, 3, 1, [0, 6, 0, 0]),
            entry(0x8769, 4, 1, at(50)),
            entry(0x8825, 4, 1, at(68)),
        ]));
        tiff.extend(ifd(&[entry(0x9003, 2, 20, at(170))]));
        tiff.extend(ifd(&[
            entry(1, 2, 2, *b"S\0\0\0"),
            entry(2, 5, 3, at(122)),
            entry(3, 2, 2, *b"E\0\0\0"),
            entry(4, 5, 3, at(146)),
        ]));
        for n in [8u32, 35, 0, 116, 6, 36] {
            tiff.extend_from_slice(&n.to_be_bytes());
            tiff.extend_from_slice(&1u32.to_be_bytes());
        }
        tiff.extend_from_slice(b"2026:03:01 10:00:00\0");
        let mut out = plain[..2].to_vec();
        out.extend_from_slice(&[0xff, 0xe1]);
        out.extend_from_slice(&u16::try_from(tiff.len() + 8).expect("short").to_be_bytes());
        out.extend_from_slice(b"Exif\0\0");
        out.extend_from_slice(&tiff);
        out.extend_from_slice(&plain[2..]);
        out
    }

    #[test]
    fn position_and_time_are_read_the_turn_is_baked_in_and_nothing_of_it_goes_out() {
        let content = photo_with_exif(2000, 1000);
        assert_eq!(sniff(&content), Some(MediaKind::Jpeg));
        let facts = read_facts(&content);
        let (lat, lon) = facts.position.expect("a position");
        assert!(
            (lat + 8.583_333).abs() < 1e-5 && (lon - 116.11).abs() < 1e-5,
            "{lat} {lon}"
        );
        assert_eq!(
            facts.taken_at.expect("a time").unix_timestamp(),
            1_772_330_400
        );

        let made = render(MediaKind::Jpeg, &content, &facts).expect("renders");
        let full = image::load_from_memory(&made.full).expect("decodes");
        assert_eq!((full.width(), full.height()), (800, 1600));
        let thumb = image::load_from_memory(&made.thumb).expect("decodes");
        assert_eq!((thumb.width(), thumb.height()), (160, 320));
        for out in [&made.full, &made.thumb] {
            assert_eq!(read_facts(out), PhotoFacts::default());
            assert!(!out.windows(4).any(|w| w == b"Exif"));
        }
    }

    #[test]
    fn a_damaged_or_enormous_photo_is_refused() {
        let content = photo_with_exif(64, 64);
        assert!(render(MediaKind::Jpeg, &content[..40], &PhotoFacts::default()).is_err());
        // A PNG header that claims 60,000 × 60,000 pixels.
        let mut png = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(1, 1)
            .write_to(&mut png, ImageFormat::Png)
            .expect("encodes");
        let mut png = png.into_inner();
        png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        assert!(render(MediaKind::Png, &png, &PhotoFacts::default()).is_err());
    }
}
