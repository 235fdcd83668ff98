// SPDX-License-Identifier: MIT
// Two conversations at once, each on a thread of its own: threads FOLDER [QUESTION QUESTION]
//
// One device and one model serve both; each conversation has a session. Their tokens are computed
// together, and each gives the text that it would give alone. C++17.
#include <dsvk/dsvk.h>

#include <csignal>
#include <iostream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

// Whatever fails has one sentence, which goes to the log once.
const dsvk_log to_cerr{ [](void *, dsvk_log_level, const char *line) {
                           std::cerr << line << std::endl;
                       },
                        nullptr, DSVK_LOG_WARN };

void check(dsvk_status status)
{
    if (status != DSVK_OK)
        throw std::runtime_error(dsvk_status_text(status));
}

// Handles that free themselves. They may go in any order.
template <auto Free> struct freeing {
    template <class T> void operator()(T *handle) const { Free(handle); }
};
using device_handle  = std::unique_ptr<dsvk_device, freeing<dsvk_device_close>>;
using model_handle   = std::unique_ptr<dsvk_model, freeing<dsvk_model_close>>;
using session_handle = std::unique_ptr<dsvk_session, freeing<dsvk_session_free>>;
using stop_handle    = std::unique_ptr<dsvk_stop, freeing<dsvk_stop_free>>;

class conversation {
  public:
    conversation(dsvk_model *model, const dsvk_stop *stop, std::string name)
        : model_(model), stop_(stop), name_(std::move(name))
    {
        dsvk_session *session;
        check(dsvk_session_new(&session, model, nullptr));
        session_.reset(session);
    }

    // The first turn, or one that goes on from where the last answer ended.
    void ask(const std::string &text)
    {
        uint32_t *made = nullptr;
        size_t    n    = 0;
        if (dsvk_session_tokens(session_.get()) == 0) {
            dsvk_message message{};
            message.role = "user";
            message.text = text.c_str();
            check(dsvk_model_chat(model_, &message, 1, nullptr, &made, &n));
        } else {
            check(dsvk_model_chat_next(model_, text.c_str(), nullptr, &made, &n));
        }
        std::vector<uint32_t> ids(dsvk_session_tokens(session_.get()));
        dsvk_session_ids(session_.get(), ids.data(), ids.size(), nullptr);
        ids.insert(ids.end(), made, made + n);
        dsvk_model_free_memory(model_, made);

        dsvk_progress progress{};
        progress.stop = stop_;
        check(dsvk_session_sync(session_.get(), ids.data(), ids.size(), &progress));
        dsvk_generate_params params{};
        params.take  = take;
        params.user  = this;
        params.limit = 500;
        params.stop  = stop_;
        check(dsvk_session_generate(session_.get(), &params, nullptr));
        print();
    }

  private:
    static bool take(void *user, uint32_t, const char *text, size_t bytes)
    {
        auto *self = static_cast<conversation *>(user);
        self->line_.append(text, bytes);
        if (self->line_.size() > 60 && self->line_.back() == ' ')
            self->print();
        return true;
    }

    void print()
    {
        static std::mutex           lock;
        std::lock_guard<std::mutex> held(lock);
        std::cout << name_ << ": " << line_ << std::endl;
        line_.clear();
    }

    dsvk_model      *model_;
    const dsvk_stop *stop_;
    std::string      name_, line_;
    session_handle   session_;
};

stop_handle interrupt; // Ctrl-C ends both: a stop may be set from a signal handler

int run(const char *folder, const char *first, const char *second)
{
    dsvk_stop   *stop;
    dsvk_device *device;
    dsvk_model  *model;
    check(dsvk_stop_new(&stop, nullptr));
    interrupt.reset(stop);
    std::signal(SIGINT, [](int) { dsvk_stop_set(interrupt.get(), true); });

    dsvk_device_params where{};
    where.log = to_cerr;
    check(dsvk_device_open(&device, &where));
    device_handle     device_freed(device);
    dsvk_model_params opening{};
    opening.folder = folder;
    opening.log    = to_cerr;
    check(dsvk_model_open(&model, &opening));
    model_handle model_freed(model);
    check(dsvk_model_load(model, device, nullptr));

    std::exception_ptr failed[2];
    auto converse = [&](int i, const char *question) {
        try {
            conversation talk(model, stop, i == 0 ? "A" : "B");
            talk.ask(question);
            talk.ask("Thank you!");
        } catch (...) {
            failed[i] = std::current_exception();
        }
    };
    std::thread other(converse, 1, second);
    converse(0, first);
    other.join();
    for (const auto &failure : failed)
        if (failure)
            std::rethrow_exception(failure);
    return 0;
}

} // namespace

int main(int argc, char **argv)
{
    try {
        return run(argc > 1 ? argv[1] : ".", argc > 3 ? argv[2] : "What is MLA?",
                   argc > 3 ? argv[3] : "What is a router?");
    } catch (const std::exception &failure) {
        std::cerr << "threads: " << failure.what() << std::endl;
        return 1;
    }
}
