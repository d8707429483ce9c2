use super::*;

fn id(link: &str) -> String {
    let p = normalise(link).unwrap();
    format!("{} {}", p.platform, p.id)
}

#[test]
fn every_way_to_write_a_facebook_comment_is_one_comment() {
    for link in [
        "https://www.facebook.com/ntb/posts/jalan-rusak/100200300?comment_id=777888",
        "https://m.facebook.com/story.php?story_fbid=100200300&id=42&comment_id=777888&refid=17&__tn__=R",
        "facebook.com/permalink.php?story_fbid=pfbid02ab&id=42&comment_id=100200300_777888",
        "https://web.facebook.com/photo.php?fbid=9&comment_id=Y29tbWVudDoxMDAyMDAzMDBfNzc3ODg4",
        "https://l.facebook.com/l.php?u=https%3A%2F%2Fwww.facebook.com%2Fntb%2Fposts%2F1%3Fcomment_id%3D777888&h=x",
    ] {
        assert_eq!(id(link), "facebook comment/777888", "{link}");
    }
    assert_eq!(
        id("https://facebook.com/ntb/posts/1?comment_id=7&reply_comment_id=8"),
        "facebook comment/8"
    );
}

#[test]
fn posts_are_known_by_the_platforms_id() {
    for (link, expected) in [
        (
            "https://www.facebook.com/ntb/posts/jalan/100200300",
            "facebook post/100200300",
        ),
        ("https://www.facebook.com/watch/?v=55", "facebook post/55"),
        (
            "https://www.facebook.com/groups/lombok/permalink/66/",
            "facebook post/66",
        ),
        (
            "https://www.instagram.com/reel/CxYz_1-a/?igsh=abc",
            "instagram post/CxYz_1-a",
        ),
        (
            "https://instagram.com/pemprov/p/CxYz_1-a/",
            "instagram post/CxYz_1-a",
        ),
        (
            "https://www.instagram.com/p/CxYz/c/1799/",
            "instagram comment/1799",
        ),
        (
            "https://www.instagram.com/p/CxYz/c/1799/r/1800",
            "instagram comment/1800",
        ),
        ("https://twitter.com/warga/status/171?s=20", "x post/171"),
        (
            "https://mobile.x.com/i/web/status/171/photo/1",
            "x post/171",
        ),
        (
            "https://www.tiktok.com/@warga/video/7300?is_from_webapp=1",
            "tiktok post/7300",
        ),
        (
            "https://www.tiktok.com/@warga/video/7300?share_comment_id=88",
            "tiktok comment/88",
        ),
        ("https://youtu.be/dQw4?si=xyz", "youtube post/dQw4"),
        (
            "https://m.youtube.com/watch?v=dQw4&lc=Ugx.9a&t=3",
            "youtube comment/Ugx.9a",
        ),
    ] {
        let p = normalise(link).unwrap();
        assert_eq!(format!("{} {}", p.platform, p.id), expected, "{link}");
        assert!(p.exact, "{link}");
    }
}

#[test]
fn a_link_that_hides_the_id_says_so() {
    for link in [
        "https://www.facebook.com/share/p/1AbC/",
        "https://fb.watch/xyz/",
        "https://vt.tiktok.com/ZS8/",
        "https://www.facebook.com/ntb/posts/pfbid0AbC",
    ] {
        assert!(!normalise(link).unwrap().exact, "{link}");
    }
}

#[test]
fn tracking_never_makes_a_second_complaint_of_another_site() {
    let plain = normalise("https://berita.example.id/a?id=7").unwrap();
    let tracked =
        normalise("http://www.berita.example.id/a/?utm_source=x&id=7&fbclid=q#k").unwrap();
    assert_eq!(plain, tracked);
    assert_eq!(plain.platform, "link");
}

#[test]
fn what_is_no_link_is_refused() {
    for text in [
        "",
        "   ",
        "jalan rusak",
        "javascript:alert(1)",
        "ftp://a.b/c",
        "https://localhost/a",
        "https://127.0.0.1/a",
    ] {
        assert_eq!(normalise(text), Err(NotALink), "{text}");
    }
    assert!(normalise(&format!("https://a.id/{}", "x".repeat(MAX_LINK))).is_err());
}

proptest::proptest! {
    #[test]
    fn reading_a_cleaned_link_again_changes_nothing(
        host in "(facebook|instagram|x|tiktok|youtube|berita)\\.com",
        path in "(/[a-z@]{1,6}){0,4}(/[0-9]{1,8})?",
        query in "(\\?[a-z_]{1,10}=[a-z0-9]{0,5})?",
    ) {
        let first = normalise(&format!("https://{host}{path}{query}")).unwrap();
        let again = normalise(&first.url).unwrap();
        proptest::prop_assert_eq!(first, again);
    }
}
