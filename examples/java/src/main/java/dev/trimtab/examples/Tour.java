// Chat, search, a typed error and a deadline with grpc-java. TRIMTAB_ADDRESS: host:port, default localhost:50051.
package dev.trimtab.examples;

import com.google.rpc.ErrorInfo;
import dev.trimtab.gateway.v1.*;
import dev.trimtab.steering.v1.Dose;
import dev.trimtab.steering.v1.SteeringUse;
import dev.trimtab.type.v1.ChatMessage;
import dev.trimtab.type.v1.SamplingParameters;
import io.grpc.*;
import io.grpc.protobuf.StatusProto;
import java.util.concurrent.TimeUnit;

public class Tour {
  static GenerationSpec.Builder ask(String content, int maxTokens, float temperature) {
    var message = ChatMessage.newBuilder().setRole("user").setContent(content);
    return GenerationSpec.newBuilder()
        .setConversation(Conversation.newBuilder().addMessages(message))
        .setMaxTokens(maxTokens)
        .setSampling(SamplingParameters.newBuilder().setTemperature(temperature).setSeed(0));
  }

  static CompleteRequest complete(GenerationSpec.Builder spec) {
    return CompleteRequest.newBuilder().setSpec(spec).build();
  }

  public static void main(String[] arguments) throws Exception {
    var address = System.getenv().getOrDefault("TRIMTAB_ADDRESS", "localhost:50051");
    var channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    var client = GatewayServiceGrpc.newBlockingStub(channel);
    client.extractVector(ExtractVectorRequest.newBuilder().setName("cheerful")
        .addPositive("I love this wonderful day!").addNegative("I hate this awful day.").build());

    var use = SteeringUse.newBuilder().setDirection("cheerful").setDose(Dose.newBuilder().setRelative(0.02f));
    var chat = ask("How was your day?", 32, 0).setSteering(SteeringOptions.newBuilder().setUse(use));
    client.generate(GenerateRequest.newBuilder().setSpec(chat).build())
        .forEachRemaining(event -> System.out.print(event.getDelta().getText()));

    var budget = ScalingBudget.newBuilder().setCandidates(4);
    var scaling = ScalingOptions.newBuilder().setStrategy("self-consistency").setBudget(budget);
    var found = client.complete(complete(ask("What is 3 + 4?", 32, 0.5f).setScaling(scaling)));
    var best = found.getSearch().getAnswers(0);
    System.out.printf("\nsearch: %s with %d votes\n", best.getAnswer(), best.getVotes());

    try {
      client.complete(complete(ask("Hello", 8, 9)));
    } catch (StatusRuntimeException error) {
      var info = StatusProto.fromThrowable(error).getDetails(0).unpack(ErrorInfo.class);
      System.out.printf("error: %s in %s\n", info.getReason(), info.getMetadataOrThrow("field"));
    }
    try {
      var story = ask("Tell me a long story.", 1000, 0);
      client.withDeadlineAfter(100, TimeUnit.MILLISECONDS).complete(complete(story));
    } catch (StatusRuntimeException error) {
      System.out.printf("deadline: %s\n", error.getStatus().getCode());
    }
    channel.shutdownNow();
  }
}
