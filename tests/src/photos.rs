//! Photos for tests, as a telephone takes them: with EXIF that says where, when, and which side is up.

use image::{DynamicImage, ImageFormat};

/// A JPEG whose EXIF says orientation 6, 8°35′0″ S 116°6′36″ E, taken 2026-03-01 10:00:00.
pub fn with_place(width: u32, height: u32) -> Vec<u8> {
    of(&DynamicImage::new_rgb8(width, height))
}

/// The same of any picture.
pub fn of(picture: &DynamicImage) -> Vec<u8> {
    let mut plain = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut plain, ImageFormat::Jpeg)
        .expect("a JPEG");
    let plain = plain.into_inner();
    let tiff = tiff();
    let mut out = plain[..2].to_vec();
    out.extend_from_slice(&[0xff, 0xe1]);
    let length = u16::try_from(tiff.len() + 8).expect("short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(b"Exif\0\0");
    out.extend_from_slice(&tiff);
    out.extend_from_slice(&plain[2..]);
    out
}

// Directory 0 at 8 (3 entries: 42 bytes), EXIF at 50 (18), GPS at 68 (54), data from 122.
fn tiff() -> Vec<u8> {
    let at = |n: u32| n.to_be_bytes();
    let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
    tiff.extend(directory(&[
        entry(0x0112, 3, 1, [0, 6, 0, 0]),
        entry(0x8769, 4, 1, at(50)),
        entry(0x8825, 4, 1, at(68)),
    ]));
    tiff.extend(directory(&[entry(0x9003, 2, 20, at(170))]));
    tiff.extend(directory(&[
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
    tiff
}

fn entry(tag: u16, kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
    let mut entry = Vec::new();
    entry.extend_from_slice(&tag.to_be_bytes());
    entry.extend_from_slice(&kind.to_be_bytes());
    entry.extend_from_slice(&count.to_be_bytes());
    entry.extend_from_slice(&value);
    entry
}

fn directory(entries: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(entries.len()).expect("few");
    let mut directory = count.to_be_bytes().to_vec();
    for entry in entries {
        directory.extend_from_slice(entry);
    }
    directory.extend_from_slice(&[0; 4]);
    directory
}
