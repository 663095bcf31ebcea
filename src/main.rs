//! The `vpim-milter` command.

fn main() {}
