use super::root::Root;

/// The largest cache of any processor.
pub(super) fn last_level_bytes(root: &Root) -> Option<u64> {
    let processors = root.folders("sys/devices/system/cpu");
    let caches = processors.iter().flat_map(|processor| root.folders(processor.join("cache")));
    let sizes = caches.filter_map(|cache| {
        let kibibytes: u64 = root.text(cache.join("size"))?.strip_suffix('K')?.parse().ok()?;
        kibibytes.checked_mul(1024)
    });
    sizes.max()
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;

    #[test]
    fn the_largest_cache_is_the_last() {
        let tree = Tree::of(&[
            ("sys/devices/system/cpu/cpu0/cache/index0/size", "48K\n"),
            ("sys/devices/system/cpu/cpu1/cache/index3/size", "32768K\n"),
            ("sys/devices/system/cpu/cpu1/cache/index2/size", "nonsense\n"),
        ]);
        assert_eq!(last_level_bytes(&tree.root()), Some(32 << 20));
        assert_eq!(last_level_bytes(&Tree::empty().root()), None);
    }
}
