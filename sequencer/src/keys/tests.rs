use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use super::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn paths(directory: &Path) -> KeyPaths {
    let keys = directory.join("keys");
    KeyPaths {
        consensus: keys.join("consensus.key"),
        network: keys.join("network.key"),
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<(), std::io::Error> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[test]
fn keys_survive_their_files() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    let (consensus, network) = create(&paths)?;
    assert_eq!(
        load_consensus(&paths.consensus)?.public_key(),
        consensus.public_key()
    );
    assert_eq!(peer_id(&load_network(&paths.network)?), peer_id(&network));
    Ok(())
}

#[test]
fn key_files_and_their_directory_are_their_owners_alone() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    create(&paths)?;
    let mode =
        |path: &Path| fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777);
    assert_eq!(mode(&paths.consensus)?, 0o600);
    assert_eq!(mode(&paths.network)?, 0o600);
    assert_eq!(mode(&directory.path().join("keys"))?, 0o700);
    Ok(())
}

#[test]
fn existing_keys_are_never_overwritten() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    create(&paths)?;
    let before = fs::read(&paths.consensus)?;
    assert!(matches!(create(&paths), Err(KeyFileError::Exists(_))));
    fs::remove_file(&paths.consensus)?;
    assert!(matches!(create(&paths), Err(KeyFileError::Exists(path)) if path == paths.network));
    fs::write(&paths.consensus, &before)?;
    Ok(())
}

#[test]
fn dangling_link_in_place_of_a_key_is_not_followed() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    fs::create_dir(directory.path().join("keys"))?;
    set_mode(&directory.path().join("keys"), 0o700)?;
    symlink(directory.path().join("elsewhere"), &paths.consensus)?;
    assert!(matches!(create(&paths), Err(KeyFileError::Exists(_))));
    Ok(())
}

#[test]
fn key_file_that_others_may_read_is_refused_with_the_command_that_helps() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    create(&paths)?;
    set_mode(&paths.consensus, 0o640)?;
    let error = load_consensus(&paths.consensus).expect_err("the group may read it");
    assert!(
        error
            .to_string()
            .contains(&format!("chmod 600 {}", paths.consensus.display())),
        "{error}"
    );
    Ok(())
}

#[test]
fn directory_that_others_may_write_is_refused() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    create(&paths)?;
    set_mode(&directory.path().join("keys"), 0o777)?;
    let error = load_network(&paths.network).expect_err("anybody may exchange the file");
    assert!(error.to_string().contains("chmod 700"), "{error}");
    Ok(())
}

#[test]
fn malformed_and_missing_files_are_told_apart() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("key");
    assert!(matches!(
        load_consensus(&path),
        Err(KeyFileError::Missing(_))
    ));
    let over_the_order = "ff".repeat(32);
    for text in [
        "",
        "# only a comment\n",
        "0x1234\n",
        over_the_order.as_str(),
        "00\n00\n",
    ] {
        fs::write(&path, text)?;
        set_mode(&path, 0o600)?;
        assert!(
            matches!(load_consensus(&path), Err(KeyFileError::Malformed(_))),
            "{text}"
        );
    }
    Ok(())
}

#[test]
fn k3_a_new_key_is_marked_as_never_used_until_the_mark_is_removed() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    let (consensus, _) = create(&paths)?;
    let mark = FreshMark::of(&paths.consensus, &consensus);
    assert!(mark.is_set()?);
    mark.remove()?;
    mark.remove()?;
    assert!(!mark.is_set()?);
    Ok(())
}

#[test]
fn k3_a_mark_stands_for_no_other_key() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    create(&paths)?;
    let other = SecretKey::derive(&[9; 32]);
    assert!(!FreshMark::of(&paths.consensus, &other).is_set()?);
    Ok(())
}

#[test]
fn secrets_are_absent_from_debug_output() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    let (consensus, _) = create(&paths)?;
    let digits = hex::encode(consensus.to_bytes());
    assert!(fs::read_to_string(&paths.consensus)?.contains(&digits));
    assert!(!format!("{consensus:?}").contains(&digits));
    Ok(())
}
