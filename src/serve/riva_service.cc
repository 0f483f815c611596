#include "serve/riva_service.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>

#include "base/printable.h"
#include "serve/proto/riva_asr.grpc.pb.h"
#include "serve/riva_calls.h"
#include "serve/riva_result.h"

namespace glossa::serve {

namespace asr = nvidia::riva::asr;

using Riva = asr::RivaSpeechRecognition;
using RivaMethods = Riva::WithCallbackMethod_Recognize<Riva::WithRawCallbackMethod_StreamingRecognize<
    Riva::WithCallbackMethod_GetRivaSpeechRecognitionConfig<Riva::Service>>>;

class RivaService::Impl final : public RivaMethods {
 public:
  Impl(Scheduler& scheduler, Metrics& metrics, Worker& worker, const RivaOptions& options)
      : context_{.scheduler = scheduler,
                 .metrics = metrics,
                 .worker = worker,
                 .api_keys = options.api_keys,
                 .live = options.live} {}

  grpc::ServerUnaryReactor* Recognize(grpc::CallbackServerContext* call, const asr::RecognizeRequest* request,
                                      asr::RecognizeResponse* response) override {
    return start_recognize(context_, *call, *request, *response);
  }

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamingRecognize(
      grpc::CallbackServerContext* call) override {
    return start_streaming_recognize(context_, *call);
  }

  grpc::ServerUnaryReactor* GetRivaSpeechRecognitionConfig(
      grpc::CallbackServerContext* call, const asr::RivaSpeechRecognitionConfigRequest* request,
      asr::RivaSpeechRecognitionConfigResponse* response) override {
    const CallRecord record = begin_record(*call, "GetRivaSpeechRecognitionConfig");
    grpc::Status status = admit(context_, *call);
    if (status.ok()) status = describe(*request, *response);
    end_record(context_, record, status);
    grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
    reactor->Finish(status);
    return reactor;
  }

  void drain(double seconds) {
    context_.draining = true;
    context_.calls.wait_until_none(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
  }

 private:
  grpc::Status describe(const asr::RivaSpeechRecognitionConfigRequest& request,
                        asr::RivaSpeechRecognitionConfigResponse& response) const {
    const ModelInfo& model = context_.model();
    const std::string& name = request.model_name();
    if (!name.empty() && name != model.name) {
      return {grpc::StatusCode::NOT_FOUND,
              fmt::format("there is no model \"{}\" (this server has {})", printable(name), model.name)};
    }
    write_model_config(model, response);
    return grpc::Status::OK;
  }

  RivaContext context_;
};

RivaService::RivaService(Scheduler& scheduler, Metrics& metrics, Worker& worker, const RivaOptions& options)
    : impl_(std::make_unique<Impl>(scheduler, metrics, worker, options)) {}

RivaService::~RivaService() = default;

grpc::Service& RivaService::service() { return *impl_; }
void RivaService::drain(double seconds) { impl_->drain(seconds); }

}  // namespace glossa::serve
