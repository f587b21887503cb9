use super::*;

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_default() {
    let (directory, _) = file("l1_poll_ms = 7\nproof = \"light-client\"\n[rpc]\nbatch = 3\n");
    let flags = Settings {
        data_dir: Some(directory.path().to_owned()),
        l1_poll_ms: Some(9),
        ..Settings::default()
    };
    let settings = flags.with_file(None).unwrap();
    assert_eq!(settings.l1_poll_ms, Some(9));
    assert_eq!(settings.proof, Some(ProofKind::LightClient));
    let limits = settings.limits(5 << 20);
    assert_eq!((limits.batch, limits.connections), (3, 256));
    assert!(
        limits.request_bytes > 10 << 20,
        "a transaction is sent in hex"
    );
}

#[test]
fn a_key_that_means_nothing_is_named() {
    let (_directory, path) = file("sequenzer = [\"http://127.0.0.1:1\"]\n");
    let error = Settings::default().with_file(Some(&path)).unwrap_err();
    assert!(error.to_string().contains("sequenzer"), "{error}");
}

#[test]
fn paths_in_the_file_are_relative_to_it() {
    let (directory, path) = file("definition = \"my.toml\"\n[advance]\naccount = \"key\"\n");
    let settings = Settings::default().with_file(Some(&path)).unwrap();
    assert_eq!(settings.definition(), directory.path().join("my.toml"));
    assert_eq!(settings.advance.account, Some(directory.path().join("key")));
}

#[test]
fn urls_are_checked() {
    let with = |sequencer: &[&str], l1: &[&str]| Settings {
        sequencer: Some(sequencer.iter().map(|url| (*url).to_owned()).collect()),
        l1: Some(l1.iter().map(|url| (*url).to_owned()).collect()),
        ..Settings::default()
    };
    assert!(with(&["ftp://x"], &[]).apis().is_err());
    assert!(with(&[], &[]).apis().is_err());
    assert!(with(&["http://x"; 17], &[]).apis().is_err());
    assert!(with(&["http://x"], &[]).apis().is_ok());
    let missing = with(&["http://x"], &[]).endpoints().unwrap_err();
    assert!(missing.to_string().contains("--l1"), "{missing}");
    assert!(with(&[], &["nonsense"]).endpoints().is_err());
}
