//! `sequencer man`: the manual pages, one for each verb.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Command;
use clap_mangen::Man;
use serde::Serialize;

use super::{
    exit::{Exit, Failure},
    output,
};

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
sequencer man run | man -l -                      shows the page of a verb
sequencer man --out /usr/local/share/man/man1     installs all of them")]
pub(crate) struct Args {
    /// The verb to print the page of, for example `tx submit`; without it the program's
    verb: Vec<String>,
    /// Write all pages into this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "verb")]
    out: Option<PathBuf>,
    /// Print JSON: the files written
    #[arg(long, requires = "out")]
    json: bool,
}

#[derive(Serialize)]
struct Written {
    files: Vec<PathBuf>,
}

/// Prints one page, or writes all.
pub(crate) fn run(args: &Args, program: Command) -> Result<(), Failure> {
    let mut program = program.disable_help_subcommand(true);
    // Gives each verb its full name, and settles which flags it inherits.
    program.build();
    let Some(directory) = &args.out else {
        let mut text = Vec::new();
        page(find(&program, &args.verb)?)
            .render(&mut text)
            .map_err(|error| Failure::new(Exit::Internal, error))?;
        return output::raw(&text);
    };
    std::fs::create_dir_all(directory).map_err(|error| denied(directory, &error))?;
    let mut files = Vec::new();
    write_all(&program, directory, &mut files).map_err(|error| denied(directory, &error))?;
    if args.json {
        return output::json(&Written { files });
    }
    output::line(format_args!(
        "wrote {} pages to {}",
        files.len(),
        directory.display()
    ))
}

fn find<'a>(program: &'a Command, path: &[String]) -> Result<&'a Command, Failure> {
    let mut command = program;
    for name in path {
        command = command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
            let message = if known.is_empty() {
                format!("`{}` has no further verbs", called(command))
            } else {
                format!(
                    "`{}` has no verb `{name}`, only {}",
                    called(command),
                    known.join(", ")
                )
            };
            Failure::new(Exit::Usage, message)
        })?;
    }
    Ok(command)
}

fn called(command: &Command) -> &str {
    command.get_bin_name().unwrap_or_else(|| command.get_name())
}

fn write_all(command: &Command, directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    files.push(page(command).generate_to(directory)?);
    command
        .get_subcommands()
        .try_for_each(|verb| write_all(verb, directory, files))
}

fn page(command: &Command) -> Man {
    let source = concat!("sequencer ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(source)
}

fn denied(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Key,
        format!("cannot write {}: {error}", path.display()),
    )
}
