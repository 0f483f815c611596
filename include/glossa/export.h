/* Marks what the shared library exports. Included by glossa.h and by the C++ headers. */
#ifndef GLOSSA_EXPORT_H_
#define GLOSSA_EXPORT_H_

#if defined(__GNUC__)
#define GLOSSA_API __attribute__((visibility("default")))
#else
#define GLOSSA_API
#endif

#endif /* GLOSSA_EXPORT_H_ */
