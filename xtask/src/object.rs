//! The eBPF object without its DWARF: the kernel and aya read BTF only, and DWARF is nine tenths of the file.

use object::{
    build::elf::{Builder, SectionData},
    elf::{SHT_STRTAB, STT_FILE},
};

/// Removes debugging sections; `.BTF` and `.BTF.ext` stay.
pub(crate) fn without_dwarf(elf: &[u8]) -> Result<Vec<u8>, object::build::Error> {
    let mut object = Builder::read(elf)?;
    for section in &mut object.sections {
        let name = section.name.as_slice();
        section.delete = name.starts_with(b".debug_") || name.starts_with(b".rel.debug_");
    }
    object.delete_orphans();
    // Names without a place are the source files' names: the last trace of where it was built.
    for symbol in &mut object.symbols {
        if symbol.st_type() == STT_FILE {
            symbol.delete = true;
        }
    }
    object.sections.iter_mut().filter(|section| is_empty_relocation(&section.data)).for_each(|section| {
        section.delete = true;
    });
    // LLVM keeps the names of sections and symbols in one table; the writer wants two.
    if !object.sections.iter().any(|section| matches!(section.data, SectionData::SectionString)) {
        let names = object.sections.add();
        names.name = b".shstrtab".as_slice().into();
        names.sh_type = SHT_STRTAB;
        names.sh_addralign = 1;
        names.data = SectionData::SectionString;
    }
    let mut bytes = Vec::new();
    object.write(&mut bytes)?;
    Ok(bytes)
}

fn is_empty_relocation(data: &SectionData<'_>) -> bool {
    matches!(data, SectionData::Relocation(relocations) if relocations.is_empty())
}
