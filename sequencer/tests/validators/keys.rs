//! Key files as `keys` and `run` treat them.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::network::{Network, fails, sequencer, succeeds};

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn encrypted_keys_open_with_their_password_alone() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (right, wrong) = (at("right"), at("wrong"));
    write(&right, "correct horse\n", 0o600);
    write(&wrong, "battery staple\n", 0o600);
    let home = at("node");
    let new = |password: &Path| {
        let mut command = sequencer(&["keys", "new", "--data-dir"]);
        command.arg(&home).arg("--password-file").arg(password);
        command
    };
    fails(
        &mut sequencer(&["keys", "new", "--data-dir", home.to_str().unwrap()]),
        7,
        "--password-file",
    );
    assert!(
        !home.join("keys").exists(),
        "nothing is made without a password"
    );
    succeeds(&mut new(&right));
    let list = succeeds(&mut sequencer(&[
        "keys",
        "list",
        "--data-dir",
        home.to_str().unwrap(),
    ]));
    let text = String::from_utf8(list.stdout).unwrap();
    assert!(
        text.contains("never used   yes") && text.contains("encrypted    yes"),
        "{text}"
    );

    let entry = |password: &Path| {
        let mut command = sequencer(&["keys", "genesis-entry", "--network", "test"]);
        command.args(["--address", "/ip4/127.0.0.1/tcp/9000", "--data-dir"]);
        command.arg(&home).arg("--password-file").arg(password);
        command
    };
    fails(&mut entry(&wrong), 7, "the password is wrong");
    write(&right, "correct horse\n", 0o644);
    fails(&mut entry(&right), 7, "chmod 600");
    write(&right, "correct horse\n", 0o600);
    fs::write(at("entry.toml"), succeeds(&mut entry(&right)).stdout).unwrap();

    // A network that is not for development: encrypted keys run, others don't.
    let genesis = at("genesis.toml");
    let mut command = sequencer(&["genesis", "new", "--preset", "testnet", "--validator"]);
    command.arg(at("entry.toml")).arg("--out").arg(&genesis);
    succeeds(&mut command);
    let run = |home: &Path, password: &Path| {
        let mut command = sequencer(&["run", "--data-dir"]);
        command.arg(home).arg("--genesis").arg(&genesis);
        command.arg("--password-file").arg(password);
        command
    };
    fails(&mut run(&home, &wrong), 7, "the password is wrong");
    let key = home.join("keys/consensus.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    fails(&mut run(&home, &right), 7, "chmod 600");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let development = at("development");
    succeeds(sequencer(&["keys", "new", "--development", "--data-dir"]).arg(&development));
    fails(
        &mut run(&development, &right),
        7,
        "for development networks alone",
    );
}

#[test]
fn development_keys_run_where_genesis_allows_them() {
    let network = Network::new();
    let genesis = fs::read_to_string(network.directory.path().join("genesis.toml")).unwrap();
    assert!(genesis.contains("development = true"));
    let strict = genesis.replace("development = true", "development = false");
    let other = network.directory.path().join("strict.toml");
    fs::write(&other, strict).unwrap();
    let mut run = network.nodes[0].run();
    fails(run.arg("--genesis").arg(&other), 7, "is not encrypted");
}
