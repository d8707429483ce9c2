//! The type of an attachment, from its content.

/// A type that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// Photos, of which renditions are made.
    Jpeg,
    /// See [`MediaKind::Jpeg`].
    Png,
    /// See [`MediaKind::Jpeg`].
    Webp,
    /// A document, served as it came, always as a download.
    Pdf,
    /// A voice note.
    Ogg,
    /// A video, or a voice note of a telephone.
    Mp4,
}

impl MediaKind {
    /// The media type under which it is kept.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Ogg => "audio/ogg",
            Self::Mp4 => "video/mp4",
        }
    }

    /// Whether renditions are made of it.
    pub fn is_photo(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Webp)
    }
}

/// Looks at the first bytes; `None` for whatever is not accepted.
pub fn sniff(content: &[u8]) -> Option<MediaKind> {
    match infer::get(content)?.mime_type() {
        "image/jpeg" => Some(MediaKind::Jpeg),
        "image/png" => Some(MediaKind::Png),
        "image/webp" => Some(MediaKind::Webp),
        "application/pdf" => Some(MediaKind::Pdf),
        "audio/ogg" | "video/ogg" | "audio/opus" => Some(MediaKind::Ogg),
        "video/mp4" | "audio/m4a" | "audio/mp4" | "video/x-m4v" => Some(MediaKind::Mp4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_and_pages_and_programs_are_refused() {
        assert_eq!(sniff(b"\xff\xd8\xff\xe0rest"), Some(MediaKind::Jpeg));
        assert_eq!(sniff(b"%PDF-1.7\n"), Some(MediaKind::Pdf));
        for refused in [
            &b"<html><script>"[..],
            b"<svg xmlns=",
            b"\x7fELF\x02\x01\x01",
            b"PK\x03\x04",
            b"GIF89a",
            b"",
        ] {
            assert_eq!(sniff(refused), None);
        }
    }
}
