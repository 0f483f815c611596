# cmake -D files=A;B -D output=FILE -P embed_page.cmake: the files as a table of serve/page_files.h.
set(types .html "text/html; charset=utf-8" .css "text/css; charset=utf-8" .js "text/javascript; charset=utf-8"
  .svg "image/svg+xml")
set(table "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  get_filename_component(extension ${file} LAST_EXT)
  list(FIND types ${extension} at)
  math(EXPR at "${at} + 1")
  list(GET types ${at} type)
  file(READ ${file} content)
  string(APPEND table "    {\"${name}\", \"${type}\", R\"glossa(${content})glossa\"},\n")
endforeach()
file(WRITE ${output} "#include \"serve/page_files.h\"\n
namespace glossa::serve {
namespace {\n
constexpr PageFile kFiles[] = {
${table}};\n
}  // namespace\n
const PageFile* find_page_file(std::string_view name) {
  for (const PageFile& file : kFiles) {
    if (file.name == name) return &file;
  }
  return nullptr;
}\n
}  // namespace glossa::serve\n")
