//! `sequencer completions`: what a shell needs to complete this program's arguments.

use clap::{Command, ValueEnum as _};
use clap_complete::Shell;

use super::{
    exit::{Exit, Failure},
    output,
};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
bash:  sequencer completions bash > /etc/bash_completion.d/sequencer
zsh:   sequencer completions zsh > \"${fpath[1]}/_sequencer\"
fish:  sequencer completions fish > ~/.config/fish/completions/sequencer.fish")]
pub(crate) struct Args {
    /// The shell; without it the one that $SHELL names
    #[arg(value_enum)]
    shell: Option<Shell>,
}

/// Prints the script.
pub(crate) fn run(args: &Args, mut program: Command) -> Result<(), Failure> {
    let Some(shell) = args.shell.or_else(Shell::from_env) else {
        let known: Vec<_> = Shell::value_variants()
            .iter()
            .map(ToString::to_string)
            .collect();
        let message = format!("which shell? One of {}", known.join(", "));
        return Err(Failure::new(Exit::Usage, message));
    };
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut program, name, &mut script);
    output::raw(&script)
}
