use std::{fs, path::Path};

use super::all;

#[test]
fn the_files_on_disk_are_the_vectors_of_this_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let vectors = all();
    for (name, text) in &vectors {
        if std::env::var_os("WRITE_VECTORS").is_some() {
            fs::write(folder.join(name), text).unwrap();
        }
        let on_disk = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            on_disk == *text,
            "vectors/{name} differs: `cargo xtask vectors` writes it anew"
        );
    }
    let files = fs::read_dir(&folder).unwrap().count();
    assert_eq!(
        files,
        vectors.len(),
        "a file in vectors that no code writes"
    );
}

#[test]
fn vectors_are_deterministic_and_end_in_a_newline() {
    let vectors = all();
    assert_eq!(vectors, all());
    assert!(vectors.iter().all(|(_, text)| text.ends_with("}\n")));
}
