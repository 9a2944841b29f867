//! What must be installed and running before a window can be opened: winit would panic without it.

/// Libraries that winit loads at run time, and the Debian packages they come in.
type Libraries = &'static [(&'static str, &'static str)];

const X11_LIBRARIES: Libraries = &[
    ("libXcursor.so.1", "libxcursor1"),
    ("libXi.so.6", "libxi6"),
    ("libxkbcommon.so.0", "libxkbcommon0"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
];
const WAYLAND_LIBRARIES: Libraries =
    &[("libwayland-client.so.0", "libwayland-client0"), ("libxkbcommon.so.0", "libxkbcommon0")];

/// Looks for it.
///
/// # Errors
/// What is missing and what to install or start.
pub fn check() -> Result<(), String> {
    let has = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    check_in(&has, &is_installed)
}

fn check_in(has: &dyn Fn(&str) -> bool, is_installed: &dyn Fn(&str) -> bool) -> Result<(), String> {
    let libraries = if has("WAYLAND_DISPLAY") || has("WAYLAND_SOCKET") {
        WAYLAND_LIBRARIES
    } else if has("DISPLAY") {
        X11_LIBRARIES
    } else {
        return Err("there is no window system (neither WAYLAND_DISPLAY nor DISPLAY is set); start one, or draw with --headless 3840x2160".into());
    };
    let missing = || libraries.iter().filter(|(library, _)| !is_installed(library));
    let names: Vec<_> = missing().map(|(library, _)| *library).collect();
    let packages: Vec<_> = missing().map(|(_, package)| *package).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(format!("windows need {}; install them: apt-get install {}", names.join(", "), packages.join(" ")))
}

/// Whether the loader would find it: in its cache, or in a folder it is told to look in.
fn is_installed(library: &str) -> bool {
    // The names in the cache end with a zero: libxkbcommon.so.0 is not found in libxkbcommon.so.0.1.
    let name = [library.as_bytes(), b"\0"].concat();
    let cached =
        std::fs::read("/etc/ld.so.cache").is_ok_and(|cache| cache.windows(name.len()).any(|window| window == name));
    let told = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let usual = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"].map(std::path::PathBuf::from);
    cached || std::env::split_paths(&told).chain(usual).any(|folder| folder.join(library).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_nowhere_is_missed() {
        assert!(!is_installed("libNoSuchThing.so.7"));
        assert!(is_installed("libc.so.6"));
        assert!(!is_installed("libc.so"), "the beginning of a name is not the name");
    }

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let check =
            |system: &[&str], missing: &str| check_in(&|name| system.contains(&name), &|library| library != missing);
        for (system, missing, says) in [
            (&["WAYLAND_DISPLAY"][..], "libxkbcommon.so.0", "apt-get install libxkbcommon0"),
            (&["WAYLAND_SOCKET", "DISPLAY"], "libwayland-client.so.0", "apt-get install libwayland-client0"),
            (&["DISPLAY"], "libXi.so.6", "apt-get install libxi6"),
            (&[], "", "--headless"),
        ] {
            let error = check(system, missing).unwrap_err();
            assert!(error.contains(says) && error.contains(missing), "{system:?} without {missing}: {error}");
        }
        assert_eq!(check(&["WAYLAND_DISPLAY"], "libXi.so.6"), Ok(()), "Wayland needs no library of X11");
    }
}
