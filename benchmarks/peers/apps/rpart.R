# What the tree of examples/iris-r says of every flower: Rscript rpart.R iris.csv model.R

arguments <- commandArgs(trailingOnly = TRUE)
source(arguments[[2]])

flowers <- read.csv(arguments[[1]], check.names = FALSE)
known <- flowers[1:100, ]
model <- train(known[1:4], factor(known$species))
writeLines(as.character(predict(model, flowers[1:4], type = "class")))
