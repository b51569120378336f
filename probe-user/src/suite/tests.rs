//! Suite files with and without mistakes, and suites that run in a made-up world.

mod files;
mod made_up;
mod runs;
