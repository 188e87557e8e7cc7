//! Which of the variants of one programme is played: sound alone where it is offered.

use m3u8_rs::{AlternativeMedia, AlternativeMediaType, MasterPlaylist, VariantStream};

/// Of variants with pictures, the smallest from here on: less has thin sound, more is pictures that nobody sees.
const WITH_PICTURES_MIN: u64 = 600_000;

/// The address of the best one, as it is written.
pub(super) fn best(master: &MasterPlaylist) -> Option<&str> {
    let variants = || master.variants.iter().filter(|it| !it.is_i_frame && !it.uri.is_empty());
    // best sound first
    let alone = variants().filter(|it| is_sound_alone(it) && is_known(it));
    if let Some(variant) = alone.max_by_key(|it| it.bandwidth) {
        return Some(&variant.uri);
    }
    let mut carriers: Vec<&VariantStream> = variants().filter(|it| is_known(it)).collect();
    carriers.sort_by_key(|it| std::cmp::Reverse(it.bandwidth));
    let rendition = carriers.iter().find_map(|it| rendition(master, it.audio.as_deref()?));
    if let Some(uri) = rendition {
        return Some(uri);
    }
    let enough = carriers.iter().rev().find(|it| it.bandwidth >= WITH_PICTURES_MIN);
    let any = enough.or(carriers.first()).copied().or_else(|| variants().next());
    any.map(|it| it.uri.as_str())
}

/// A sound track of its own, in this group; the one that is meant for everybody.
fn rendition<'a>(master: &'a MasterPlaylist, group: &str) -> Option<&'a str> {
    let is_sound = |it: &&AlternativeMedia| {
        it.media_type == AlternativeMediaType::Audio && it.group_id == group && it.uri.is_some()
    };
    let sounds = master.alternatives.iter().filter(is_sound);
    // of equals the first
    let best = sounds.rev().max_by_key(|it| (it.default, it.autoselect));
    best.and_then(|it| it.uri.as_deref())
}

fn is_sound_alone(variant: &VariantStream) -> bool {
    let has_pictures = |codecs: &str| {
        codecs.split(',').any(|it| {
            ["avc", "hvc", "hev", "dvh", "vp0", "vp8", "vp9", "av01", "mp4v"]
                .iter()
                .any(|start| it.trim().starts_with(start))
        })
    };
    variant.resolution.is_none() && variant.codecs.as_deref().is_some_and(|it| !has_pictures(it))
}

/// Whether nothing in it is of a kind that this machine cannot decode on its own.
fn is_known(variant: &VariantStream) -> bool {
    let codecs = variant.codecs.as_deref().unwrap_or_default();
    !codecs.split(',').any(|it| ["ac-3", "ec-3", "ac-4", "dts"].contains(&it.trim()))
}
