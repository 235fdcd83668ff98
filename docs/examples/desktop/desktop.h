/* SPDX-License-Identifier: MIT */
/* A window in which something moves sixty times a second, while a model answers on the same
 * VkDevice and the same queue.
 *
 *   device.c  the application's Vulkan, and how it is lent to the library
 *   screen.c  frames: glyphs and a ball, copied into the swapchain's images
 *   font.c    glyphs, by FreeType
 *   page.c    the conversation as lines of glyphs
 *   text.c    its text
 *   talk.c    a thread with the library's objects: it asks, and takes the answers
 *   frames.c  how long frames took
 *   main.c    options, events, the loop */
#ifndef DESKTOP_H
#define DESKTOP_H

#include <SDL.h>
#include <dsvk/dsvk.h>
#include <dsvk/vulkan.h>

/* ---- device.c ---- */

struct device {
    SDL_Window              *window;
    VkInstance               instance;
    VkDebugUtilsMessengerEXT messenger;
    SDL_atomic_t             complaints; /* of the validation layer */
    VkSurfaceKHR             surface;
    VkPhysicalDevice         physical;
    char                     name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
    dsvk_vulkan_wishes      *wishes;
    const char              *extensions[64];
    uint32_t                 n_extensions;
    uint32_t                 family;
    VkDevice                 handle;
    VkQueue                  queue;
    SDL_mutex               *lock; /* whoever holds it may submit to the queue, or present */
    VkDevice                 old;  /* lost, with objects of the library; these three by the lock */
    SDL_atomic_t             lost; /* the device is gone, really or in play */
};

/* False, with a sentence on the standard error stream, as all that can fail here. */
bool device_begin(struct device *d, SDL_Window *window, bool validate);
void device_end(struct device *d);
/* A VkDevice, at first and after a loss; the one before becomes `old`. */
bool device_make(struct device *d);
bool device_has_old(struct device *d);
void device_drop_old(struct device *d);
/* What the library is told of it. */
dsvk_vulkan_import device_lend(struct device *d);
/* From now on the library's submissions to this queue fail, as on a device that is lost. */
void device_play_loss(struct device *d);
bool device_check(VkResult result, const char *doing);

/* ---- font.c ---- */

#define FONT_GLYPHS 1024u

struct font {
    uint32_t width, height;        /* of a cell, in pixels */
    uint32_t bytes;                /* of a cell */
    uint32_t n, code[FONT_GLYPHS]; /* which glyph lies where */
    void    *face, *library;
    int      ascent;
};

bool font_open(struct font *f, const char *file, uint32_t pixels);
void font_close(struct font *f);
/* The place of a glyph in `cells`, where it is drawn when it is wanted for the first time: white or
 * yellow, on the background. */
uint32_t font_glyph(struct font *f, uint32_t code, bool yellow, uint8_t *cells);

/* ---- screen.c ---- */

#define MOST_IMAGES 8u
#define MOST_CELLS 8192u

/* Where glyphs go. */
struct cells {
    uint32_t          n;
    VkBufferImageCopy copies[MOST_CELLS];
};

struct memory {
    VkBuffer       buffer;
    VkDeviceMemory memory;
    uint8_t       *data;
};

struct screen {
    struct device  *device;
    VkExtent2D      size;
    VkSwapchainKHR  swapchain;
    uint32_t        n_images;
    VkImage         images[MOST_IMAGES];
    VkSemaphore     drawn[MOST_IMAGES], acquired;
    VkFence         fence;
    VkCommandPool   pool;
    VkCommandBuffer commands;
    struct memory   glyphs;  /* host memory that the device copies from: FONT_GLYPHS and a ball */
    struct memory   picture; /* of the last frame, for a file */
};

#define BALL 32u

bool screen_make(struct screen *s, struct device *device, uint32_t glyph_bytes);
void screen_unmake(struct screen *s); /* of a lost device, too */
/* Draws and shows a frame, and waits until the device has drawn it. */
VkResult screen_frame(struct screen *s, const struct cells *cells, bool keep_picture);
bool     screen_write_picture(const struct screen *s, const char *file);

/* ---- page.c ---- */

/* The end of the conversation, and the line that is typed. */
void page_lay(struct cells *cells, struct font *font, const struct screen *s, const char *text,
              const char *typed);
/* The ball, where it is at this time. */
void page_ball(struct cells *cells, const struct font *font, const struct screen *s,
               double seconds);
void page_draw_ball(const struct font *font, uint8_t *cells);

/* ---- text.c ---- */

#define MOST_TEXT 65536u

struct text {
    SDL_mutex *lock;
    char       bytes[MOST_TEXT];
    size_t     n;
};

void text_begin(struct text *t); /* all zero */
void text_end(struct text *t);
void text_add(struct text *t, const char *text, size_t n);
/* Copies the last bytes, as far as there is room. */
void text_read(struct text *t, char *text, size_t room);

/* ---- talk.c ---- */

enum work { WORK_TALK, WORK_NONE, WORK_DECODE, WORK_PROMPT };
enum pace { PACE_SLICES, PACE_NONE, PACE_FRAME, PACE_SHARE };

struct talk_options {
    const char *folder;
    enum work   work;   /* what to be busy with, for measuring; TALK: with what is typed */
    uint32_t    tokens; /* of a prompt */
    uint32_t    chunk;  /* most of them in one pass; 0: as the library chooses */
    enum pace   pace;
    double      share;
};

struct talk;

struct talk *talk_begin(struct device *device, const struct talk_options *options);
void         talk_end(struct talk *t);
void         talk_ask(struct talk *t, const char *question);
/* Copies the last bytes of the conversation, as far as there is room. */
void talk_read(struct talk *t, char *text, size_t room);
/* The next frame begins in so many microseconds, for PACE_FRAME. */
void talk_next_frame(struct talk *t, uint64_t us);
/* The device was made anew. */
void talk_go_on(struct talk *t);
/* Whether it computes: since the first token of an answer, or of the second prompt. */
bool talk_is_busy(struct talk *t);
bool talk_has_failed(struct talk *t);
/* Answers so far. */
unsigned talk_answers(struct talk *t);

/* ---- frames.c ---- */

struct frames {
    uint32_t n, room;
    double  *ms;
};

void frames_add(struct frames *f, double ms);
void frames_report(struct frames *f, const struct device *d, const char *what, bool json);

#endif
