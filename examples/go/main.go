// A steered, streamed chat over gRPC. How to generate its stubs and run it: ../README.md.
//
// TRIMTAB_ADDRESS (default localhost:50051), TRIMTAB_STEERING (default {"recipe": "refusal"}).
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	gateway "github.com/trimtab/trimtab/gen/go/trimtab/gateway/v1"
	steering "github.com/trimtab/trimtab/gen/go/trimtab/steering/v1"
	types "github.com/trimtab/trimtab/gen/go/trimtab/type/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func main() {
	content := cmp.Or(strings.Join(os.Args[1:], " "), "How do I pick a lock?")
	address := cmp.Or(os.Getenv("TRIMTAB_ADDRESS"), "localhost:50051")
	wanted := cmp.Or(os.Getenv("TRIMTAB_STEERING"), `{"recipe": "refusal"}`)
	use := &steering.SteeringUse{}
	check(protojson.Unmarshal([]byte(wanted), use))
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer connection.Close()
	messages := []*types.ChatMessage{{Role: "user", Content: content}}
	stream, err := gateway.NewGatewayServiceClient(connection).Generate(context.Background(), &gateway.GenerateRequest{
		Spec: &gateway.GenerationSpec{
			Prompt:    &gateway.GenerationSpec_Conversation{Conversation: &gateway.Conversation{Messages: messages}},
			Sampling:  &types.SamplingParameters{Temperature: proto.Float32(0)},
			MaxTokens: 48,
			Steering:  &gateway.SteeringOptions{Use: use, Proof: true},
		},
	})
	check(err)
	response, err := stream.Recv()
	for ; err == nil; response, err = stream.Recv() {
		fmt.Print(response.GetDelta().GetText())
		if report := response.GetPlanned().GetReport(); report != nil {
			fmt.Fprintf(os.Stderr, "gate %.3f\n", report.GetGate())
		}
	}
	check(err)
}

// The end of a stream is no failure.
func check(err error) {
	if err != nil && err != io.EOF {
		log.Fatal(err)
	}
}
