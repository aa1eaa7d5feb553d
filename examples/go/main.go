// Chat, search, a typed error and a deadline with grpc-go. TRIMTAB_ADDRESS: host:port of the server, default localhost:50051.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	gateway "example/gen/trimtab/gateway/v1"
	steering "example/gen/trimtab/steering/v1"
	types "example/gen/trimtab/type/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

func ask(content string, tokens uint32, temperature float32) *gateway.GenerationSpec {
	talk := &gateway.Conversation{Messages: []*types.ChatMessage{{Role: "user", Content: content}}}
	sampling := &types.SamplingParameters{Temperature: &temperature, Seed: new(uint64)}
	return &gateway.GenerationSpec{Prompt: &gateway.GenerationSpec_Conversation{Conversation: talk}, MaxTokens: tokens, Sampling: sampling}
}

func main() {
	address, plain := cmp.Or(os.Getenv("TRIMTAB_ADDRESS"), "localhost:50051"), insecure.NewCredentials()
	client := gateway.NewGatewayServiceClient(must(grpc.NewClient(address, grpc.WithTransportCredentials(plain))))
	ctx := context.Background()
	glad, sad := []string{"I love this wonderful day!"}, []string{"I hate this awful day."}
	must(client.ExtractVector(ctx, &gateway.ExtractVectorRequest{Name: "cheerful", Positive: glad, Negative: sad}))

	chat := ask("How was your day?", 32, 0)
	dose := &steering.Dose{Dose: &steering.Dose_Relative{Relative: 0.02}}
	chat.Steering = &gateway.SteeringOptions{Use: &steering.SteeringUse{Direction: "cheerful", Dose: dose}}
	stream := must(client.Generate(ctx, &gateway.GenerateRequest{Spec: chat}))
	for event, err := stream.Recv(); err != io.EOF; event, err = stream.Recv() {
		fmt.Print(must(event, err).GetDelta().GetText())
	}
	search := ask("What is 3 + 4?", 32, 0.5)
	search.Scaling = &gateway.ScalingOptions{Strategy: "self-consistency", Budget: &gateway.ScalingBudget{Candidates: 4}}
	best := must(client.Complete(ctx, &gateway.CompleteRequest{Spec: search})).Search.Answers[0]
	fmt.Printf("\nsearch: %s with %d votes\n", best.Answer, best.Votes)
	_, err := client.Complete(ctx, &gateway.CompleteRequest{Spec: ask("Hello", 8, 9)})
	info := status.Convert(err).Details()[0].(*errdetails.ErrorInfo)
	fmt.Printf("error: %s in %s\n", info.Reason, info.Metadata["field"])
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err = client.Complete(short, &gateway.CompleteRequest{Spec: ask("Tell me a long story.", 1000, 0)})
	fmt.Printf("deadline: %s\n", status.Code(err))
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
