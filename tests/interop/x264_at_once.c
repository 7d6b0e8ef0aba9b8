/* Firefox, told to encode by the system's FFmpeg, asks x264 for no haste, and then waits two seconds for each picture. This library,
 * loaded before x264, has it give each picture at once, as Cisco's encoder does, which is Firefox's own and has to be downloaded.
 *
 * x264 looks for every bit it can save, too, unless told not to; Firefox leaves out no picture meanwhile but lets them queue, so that a
 * screen of 1920 by 1080 began to come after 6 to 20 seconds on two busy cores. Hence the search of its preset "superfast" and less.
 * Of an odd width or height it gets no picture at all ("CanLikelyEncode: Invalid width of 1365 for h264"): Cisco's would take over.
 *
 *     cc -shared -fPIC -o x264_at_once.so x264_at_once.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>

/* The name says which version of x264 the interface is of (Debian 12: 164). It takes its settings as words, so none of its headers is
 * needed; both symbols are looked for in the library that is already loaded. */
void *x264_encoder_open_164(void *settings) {
    static const char *const at_once[][2] = {
        {"bframes", "0"}, {"rc-lookahead", "0"}, {"sync-lookahead", "0"}, {"mbtree", "0"}, {"threads", "1"},
        {"subme", "0"}, {"me", "dia"}, {"ref", "1"}, {"trellis", "0"}, {"partitions", "none"}, {"aq-mode", "0"}, {"scenecut", "0"},
    };
    void *library = dlopen("libx264.so.164", RTLD_LAZY | RTLD_NOLOAD);
    int (*set)(void *, const char *, const char *) = library ? dlsym(library, "x264_param_parse") : 0;
    void *(*open)(void *) = library ? dlsym(library, "x264_encoder_open_164") : 0;
    if (!set || !open) return 0;
    for (unsigned i = 0; i < sizeof at_once / sizeof *at_once; i++) set(settings, at_once[i][0], at_once[i][1]);
    return open(settings);
}
