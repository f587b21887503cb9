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
    let (consensus, network) = create(&paths, &Protection::Development)?;
    assert_eq!(
        load_consensus(&paths.consensus, &mut Unlock::default())?.public_key(),
        consensus.public_key()
    );
    assert_eq!(
        peer_id(&load_network(&paths.network, &mut Unlock::default())?),
        peer_id(&network)
    );
    Ok(())
}

#[test]
fn key_files_and_their_directory_are_their_owners_alone() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    create(&paths, &Protection::Development)?;
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
    create(&paths, &Protection::Development)?;
    let before = fs::read(&paths.consensus)?;
    assert!(matches!(
        create(&paths, &Protection::Development),
        Err(KeyFileError::Exists(_))
    ));
    fs::remove_file(&paths.consensus)?;
    assert!(
        matches!(create(&paths, &Protection::Development), Err(KeyFileError::Exists(path)) if path == paths.network)
    );
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
    assert!(matches!(
        create(&paths, &Protection::Development),
        Err(KeyFileError::Exists(_))
    ));
    Ok(())
}

#[test]
fn key_file_that_others_may_read_is_refused_with_the_command_that_helps() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    create(&paths, &Protection::Development)?;
    set_mode(&paths.consensus, 0o640)?;
    let error = load_consensus(&paths.consensus, &mut Unlock::default())
        .expect_err("the group may read it");
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
    create(&paths, &Protection::Development)?;
    set_mode(&directory.path().join("keys"), 0o777)?;
    let error = load_network(&paths.network, &mut Unlock::default())
        .expect_err("anybody may exchange the file");
    assert!(error.to_string().contains("chmod 700"), "{error}");
    Ok(())
}

#[test]
fn malformed_and_missing_files_are_told_apart() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("key");
    assert!(matches!(
        load_consensus(&path, &mut Unlock::default()),
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
            matches!(
                load_consensus(&path, &mut Unlock::default()),
                Err(KeyFileError::Malformed(_))
            ),
            "{text}"
        );
    }
    Ok(())
}

#[test]
fn k3_a_new_key_is_marked_as_never_used_until_the_mark_is_removed() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    let (consensus, _) = create(&paths, &Protection::Development)?;
    let mark = FreshMark::of(&paths.consensus, &consensus.public_key());
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
    create(&paths, &Protection::Development)?;
    let other = SecretKey::derive(&[9; 32]);
    assert!(!FreshMark::of(&paths.consensus, &other.public_key()).is_set()?);
    Ok(())
}

#[test]
fn secrets_are_absent_from_debug_output() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    let (consensus, _) = create(&paths, &Protection::Development)?;
    let digits = hex::encode(consensus.to_bytes());
    assert!(fs::read_to_string(&paths.consensus)?.contains(&digits));
    assert!(!format!("{consensus:?}").contains(&digits));
    Ok(())
}

fn sealed(password: &str) -> Protection {
    Protection::Password(Password::new(password), Cost::TRIFLING)
}

fn unlock(directory: &Path, password: &str) -> Result<Unlock, std::io::Error> {
    let file = directory.join("password");
    fs::write(&file, format!("{password}\n"))?;
    set_mode(&file, 0o600)?;
    Ok(Unlock::with(PasswordSource::File(file)))
}

#[test]
fn encrypted_keys_open_with_their_password_and_tell_their_public_halves_without() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    let (consensus, network) = create(&paths, &sealed("right"))?;
    let mut right = unlock(directory.path(), "right")?;
    let loaded = load_consensus(&paths.consensus, &mut right)?;
    assert_eq!(loaded.public_key(), consensus.public_key());
    assert_eq!(
        peer_id(&load_network(&paths.network, &mut right)?),
        peer_id(&network)
    );
    let public = public(&paths.consensus)?;
    assert!(public.is_encrypted);
    assert_eq!(public.public, consensus.public_key().to_string());
    let text = fs::read_to_string(&paths.consensus)?;
    assert!(!text.contains(&hex::encode(consensus.to_bytes())));
    Ok(())
}

#[test]
fn wrong_password_is_told_from_a_broken_file() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    create(&paths, &sealed("right"))?;
    let error = load_consensus(&paths.consensus, &mut unlock(directory.path(), "wrong")?);
    assert!(matches!(
        error,
        Err(KeyFileError::Keystore(_, KeystoreError::Password))
    ));
    fs::write(&paths.consensus, "{}")?;
    let error = load_consensus(&paths.consensus, &mut unlock(directory.path(), "right")?);
    assert!(matches!(error, Err(KeyFileError::NoKeystore(..))));
    Ok(())
}

#[test]
fn a_password_file_that_anybody_may_read_is_refused() -> Outcome {
    let directory = tempfile::tempdir()?;
    let mut unlock = unlock(directory.path(), "right")?;
    set_mode(&directory.path().join("password"), 0o644)?;
    let paths = paths(directory.path());
    create(&paths, &sealed("right"))?;
    let error = load_consensus(&paths.consensus, &mut unlock).expect_err("others may read it");
    assert!(error.to_string().contains("chmod 600"), "{error}");
    Ok(())
}

#[test]
fn an_exported_key_imports_as_used_unless_it_is_said_not_to_be() -> Outcome {
    let directory = tempfile::tempdir()?;
    let paths = paths(directory.path());
    let (consensus, _) = create(&paths, &sealed("old"))?;
    let copy = directory.path().join("copies").join("copy.json");
    let mut old = unlock(directory.path(), "old")?;
    export(
        &paths.consensus,
        Kind::Consensus,
        &mut old,
        &copy,
        &sealed("new"),
    )?;
    for never_used in [false, true] {
        let to = directory
            .path()
            .join(format!("{never_used}"))
            .join("consensus.key");
        let mut new = unlock(directory.path(), "new")?;
        import(
            &copy,
            Kind::Consensus,
            &mut new,
            &to,
            &sealed("own"),
            never_used,
        )?;
        let mark = FreshMark::of(&to, &consensus.public_key());
        assert_eq!(mark.is_set()?, never_used);
        let mut own = unlock(directory.path(), "own")?;
        assert_eq!(
            load_consensus(&to, &mut own)?.public_key(),
            consensus.public_key()
        );
    }
    Ok(())
}
