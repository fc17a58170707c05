//! The binary `tandem`: see `tandem --help`.

#[global_allocator]
static ALLOCATOR: tandem::memory::Counting = tandem::memory::Counting;

fn main() -> std::process::ExitCode {
    tandem::cli::main()
}
