/* SPDX-License-Identifier: MIT */
/* Options, events, and the loop of frames. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <SDL_vulkan.h>

#include "desktop.h"

static const char usage[] =
    "usage: desktop [OPTION...] FOLDER\n"
    "A window with a model: type, and Enter asks it. F8 plays the loss of the device.\n"
    "  --ask TEXT        asks this, prints the conversation, and leaves\n"
    "  --work WHAT       to measure with --frames: none, decode, prompt (over and over)\n"
    "  --tokens N        of such a prompt (1000)\n"
    "  --chunk N         most tokens in one pass: fewer are shorter operations\n"
    "  --pace HOW        frame (submissions between two frames), slices (one at a time, of\n"
    "                    4 ms), none, or slices for a share of the time, as in 0.5\n"
    "  --frames N        leaves after N frames while the model computes, and says how long they "
    "took\n"
    "  --json            says that in JSON\n"
    "  --lose N          plays the loss of the device at the N-th frame while the model computes\n"
    "  --picture FILE    writes the last frame (PPM)\n"
    "  --validate        Vulkan's validation, of core and synchronisation; 1 if it says anything\n"
    "  --font FILE       of a fixed width\n";

struct options {
    struct talk_options talk;
    const char         *ask, *picture, *font, *pace;
    unsigned            frames, lose;
    bool                json, validate;
};

struct app {
    struct options o;
    struct device  device;
    struct screen  screen;
    struct font    font;
    struct cells   cells;
    struct talk   *talk;
    struct frames  frames;
    char           typed[1024];
    bool           quits, fails;
};

/* ---- options ---- */

static bool read_work(struct options *o, const char *word)
{
    static const char *const words[] = { "talk", "none", "decode", "prompt" };
    for (int i = 0; i < 4; i++)
        if (strcmp(word, words[i]) == 0) {
            o->talk.work = (enum work)i;
            return true;
        }
    return false;
}

static bool read_pace(struct options *o, const char *word)
{
    o->pace       = word;
    o->talk.share = strtod(word, NULL);
    if (strcmp(word, "frame") == 0)
        o->talk.pace = PACE_FRAME;
    else if (strcmp(word, "slices") == 0)
        o->talk.pace = PACE_SLICES;
    else if (strcmp(word, "none") == 0)
        o->talk.pace = PACE_NONE;
    else
        o->talk.pace = PACE_SHARE;
    return o->talk.pace != PACE_SHARE || (o->talk.share > 0 && o->talk.share <= 1);
}

/* An option with a value. */
static bool read_value(struct options *o, const char *name, const char *value)
{
    struct {
        const char  *name;
        const char **text;
        unsigned    *number;
    } table[] = { { "--ask", &o->ask, NULL },         { "--picture", &o->picture, NULL },
                  { "--font", &o->font, NULL },       { "--frames", NULL, &o->frames },
                  { "--lose", NULL, &o->lose },       { "--tokens", NULL, &o->talk.tokens },
                  { "--chunk", NULL, &o->talk.chunk } };
    if (strcmp(name, "--work") == 0)
        return read_work(o, value);
    if (strcmp(name, "--pace") == 0)
        return read_pace(o, value);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(name, table[i].name) != 0)
            continue;
        if (table[i].text)
            *table[i].text = value;
        else
            *table[i].number = (unsigned)strtoul(value, NULL, 10);
        return table[i].text || *table[i].number > 0;
    }
    return false;
}

static bool read_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){ .talk.tokens = 1000,
                           .talk.pace   = PACE_FRAME,
                           .pace        = "frame",
                           .font        = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf" };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            o->json = true;
        else if (strcmp(argv[i], "--validate") == 0)
            o->validate = true;
        else if (argv[i][0] != '-' && !o->talk.folder)
            o->talk.folder = argv[i];
        else if (i + 1 == argc || !read_value(o, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return o->talk.folder && o->talk.tokens < 2000;
}

/* ---- events ---- */

static void on_key(struct app *app, SDL_Keycode key)
{
    size_t n = strlen(app->typed);
    if (key == SDLK_ESCAPE) {
        app->quits = true;
    } else if (key == SDLK_F8) {
        device_play_loss(&app->device);
    } else if (key == SDLK_RETURN && n > 0) {
        talk_ask(app->talk, app->typed);
        app->typed[0] = '\0';
    } else if (key == SDLK_BACKSPACE) {
        while (n > 0 && (app->typed[n - 1] & 0xc0) == 0x80)
            n--; /* the whole sign */
        app->typed[n > 0 ? n - 1 : 0] = '\0';
    }
}

static void read_events(struct app *app)
{
    SDL_Event event;
    while (SDL_PollEvent(&event)) {
        if (event.type == SDL_QUIT)
            app->quits = true;
        else if (event.type == SDL_KEYDOWN)
            on_key(app, event.key.keysym.sym);
        else if (event.type == SDL_TEXTINPUT &&
                 strlen(app->typed) + strlen(event.text.text) < sizeof app->typed)
            strcat(app->typed, event.text.text);
    }
}

/* ---- frames ---- */

static double now_ms(void)
{
    return (double)SDL_GetPerformanceCounter() * 1000 / (double)SDL_GetPerformanceFrequency();
}

static bool make_screen(struct app *app)
{
    uint32_t bytes = FONT_GLYPHS * app->font.bytes + BALL * BALL * 4;
    if (!screen_make(&app->screen, &app->device, bytes))
        return false;
    app->font.n = 0; /* they are drawn again */
    page_draw_ball(&app->font, app->screen.glyphs.data);
    return true;
}

/* The screen on a new device; the old one stays until the library has left it. */
static bool remake(struct app *app)
{
    if (device_has_old(&app->device)) /* the loss before this one is not over */
        return true;
    screen_unmake(&app->screen);
    if (!device_make(&app->device) || !make_screen(app))
        return false;
    SDL_AtomicSet(&app->device.lost, 0);
    talk_go_on(app->talk);
    return true;
}

static void draw_frame(struct app *app)
{
    static char text[1 << 14];
    char        line[sizeof app->typed + 8];
    snprintf(line, sizeof line, "> %s_", app->typed);
    talk_read(app->talk, text, sizeof text);
    page_lay(&app->cells, &app->font, &app->screen, text, line);
    page_ball(&app->cells, &app->font, &app->screen, now_ms() / 1000);
    VkResult result = screen_frame(&app->screen, &app->cells, app->o.picture != NULL);
    if (result == VK_ERROR_DEVICE_LOST)
        SDL_AtomicSet(&app->device.lost, 1);
    else if (result == VK_ERROR_OUT_OF_DATE_KHR || result == VK_SUBOPTIMAL_KHR)
        screen_unmake(&app->screen), app->fails = !make_screen(app);
    else if (result != VK_SUCCESS)
        app->fails = !device_check(result, "drawing");
}

static bool is_done(const struct app *app)
{
    bool answered = app->o.ask && talk_answers(app->talk) > 0;
    bool measured = app->o.frames > 0 && app->frames.n >= app->o.frames;
    return app->quits || app->fails || talk_has_failed(app->talk) || answered || measured;
}

static void loop(struct app *app)
{
    double tick = now_ms();
    while (!is_done(app)) {
        double begin = now_ms();
        bool   busy  = talk_is_busy(app->talk);
        read_events(app);
        if (busy && app->frames.n + 1 == app->o.lose)
            device_play_loss(&app->device);
        if (SDL_AtomicGet(&app->device.lost))
            app->fails = !remake(app);
        else
            draw_frame(app);
        if (busy)
            frames_add(&app->frames, now_ms() - begin);
        tick += 1000.0 / 60;
        if (tick < now_ms() + 1)
            tick = now_ms() + 1; /* frames that are missed are not made up for */
        talk_next_frame(app->talk, (uint64_t)((tick - now_ms()) * 1000));
        while (now_ms() < tick)
            SDL_Delay(1);
    }
    app->fails = app->fails || talk_has_failed(app->talk);
}

static void print_text(struct talk *talk)
{
    static char text[1 << 14];
    talk_read(talk, text, sizeof text);
    fputs(text, stdout);
}

static void run(struct app *app, SDL_Window *window)
{
    app->fails = true;
    if (!font_open(&app->font, app->o.font, 16) ||
        !device_begin(&app->device, window, app->o.validate) || !make_screen(app))
        return;
    app->talk = talk_begin(&app->device, &app->o.talk);
    if (!app->talk)
        return;
    app->fails = false;
    if (app->o.ask)
        talk_ask(app->talk, app->o.ask);
    loop(app);
    if (app->o.ask)
        print_text(app->talk);
    if (!app->fails && app->o.picture)
        app->fails = !screen_write_picture(&app->screen, app->o.picture);
}

int main(int argc, char **argv)
{
    static struct app app;
    char              what[64];
    if (!read_options(&app.o, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    SDL_Window *window = NULL;
    if (SDL_Init(SDL_INIT_VIDEO) == 0)
        window = SDL_CreateWindow("ds-vk", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, 800, 600,
                                  SDL_WINDOW_VULKAN);
    if (!window) {
        fprintf(stderr, "desktop: no window: %s\n", SDL_GetError());
        return 77; /* for tests: they are skipped */
    }
    run(&app, window);
    talk_end(app.talk); /* the library first */
    screen_unmake(&app.screen);
    snprintf(what, sizeof what, "%s, pace %s",
             (const char *[]){ "talk", "alone", "decode", "prompt" }[app.o.talk.work], app.o.pace);
    frames_report(&app.frames, &app.device, what, app.o.json);
    bool complaints = SDL_AtomicGet(&app.device.complaints) > 0;
    device_end(&app.device);
    font_close(&app.font);
    SDL_DestroyWindow(window);
    SDL_Quit();
    if (app.device.family == UINT32_MAX)
        return 77;
    return app.fails || complaints || SDL_AtomicGet(&app.device.complaints) > 0;
}
