# More of R's answers to the recorded models: Rscript inference.R FOLDER reads the files of make.R there and writes
# ../recorded_inference.json. Profiles at fine steps (MASS interpolates them: at its default steps to 1e-3 standard errors), F tests,
# Rao's score test, type II and III of car, Gamma shapes of MASS, clusters and Newey-West of sandwich.
suppressMessages({library(jsonlite);library(MASS);library(sandwich);library(car);library(lmtest)})
dir<-commandArgs(TRUE)[1]
families<-list(poisson=poisson,quasipoisson=quasipoisson,bernoulli=binomial,binomial=binomial,gaussian=gaussian,gamma=Gamma,inverse_gaussian=inverse.gaussian)
refit<-function(f){
  d<-as.data.frame(f$data,stringsAsFactors=FALSE)
  for(n in names(f$levels)) d[[n]]<-factor(d[[n]],levels=f$levels[[n]])
  d$.w<-if(length(f$weights)) f$weights else rep(1,nrow(d)); d$.o<-if(length(f$offset)) f$offset else rep(0,nrow(d))
  fam<-families[[f$family]](link=f$link)
  m<-eval(bquote(glm(.(as.formula(f$formula)),family=fam,data=d,weights=.w,offset=.o,control=glm.control(epsilon=1e-14,maxit=500))))
  list(m=m,d=d)}
table_<-function(a,p) list(term=trimws(rownames(a)),df=a[["Df"]],p=a[[p]])
out<-list()
for(path in sort(list.files(dir,"\\.json$"))){
  f<-fromJSON(file.path(dir,path)); if(is.null(f$kind)||f$kind!="glm"||is.null(f$hc0)) next
  x<-refit(f); m<-x$m; d<-x$d; fam<-m$family; r<-list()
  ci<-suppressMessages(confint(profile(m,del=0.02,maxsteps=500)))
  r$profile<-list(lo=unname(ci[,1]),hi=unname(ci[,2]))
  r$anova_f<-table_(anova(m,test="F"),"Pr(>F)"); r$anova_rao<-table_(anova(m,test="Rao"),"Pr(>Chi)")
  r$drop1_f<-table_(drop1(m,test="F"),"Pr(>F)"); r$drop1_rao<-table_(drop1(m,test="Rao"),"Pr(>Chi)")
  r$drop1_aic<-drop1(m)$AIC
  two<-Anova(m,type=2,test.statistic="LR"); r$type2<-list(term=rownames(two),df=two$Df,statistic=two[[1]],p=two[["Pr(>Chisq)"]])
  three<-Anova(m,type=3,test.statistic="LR"); r$type3<-list(term=rownames(three),df=three$Df,statistic=three[[1]],p=three[["Pr(>Chisq)"]])
  wald<-Anova(m,type=3,test.statistic="Wald"); r$wald3<-list(term=rownames(wald),df=wald$Df,statistic=wald[[2]],p=wald[[3]])
  if(f$family!="quasipoisson"){ s<-step(m,trace=0); r$step<-paste(sort(attr(terms(s),"term.labels")),collapse=" + "); r$step_aic<-AIC(s) }
  if(f$family=="gamma"){ g<-gamma.shape(m,it.lim=100,eps.max=1e-14); r$shape<-g$alpha; r$shape_se<-g$SE }
  id<-rep_len(1:7,nrow(d)); r$cluster<-unname(sqrt(diag(vcovCL(m,cluster=id))))
  id2<-rep(1:5,length.out=nrow(d),each=2)[seq_len(nrow(d))]; r$cluster2<-unname(diag(vcovCL(m,cluster=data.frame(id,id2))))
  r$newey_west<-unname(sqrt(diag(NeweyWest(m,lag=3,prewhite=FALSE,adjust=FALSE))))
  out[[f$name]]<-r; cat(f$name,"\n")
}
write_json(out,file.path(dir,"..","recorded_inference.json"),digits=I(17),auto_unbox=TRUE,na="null")
